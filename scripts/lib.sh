# What the scripts share: Debian packages, .venv, the install with its kernels. POSIX sh; sourced, never run.
#
#   ensure run     whatever the server needs
#   ensure test    whatever the tests and checks need, the server included
#
# A stamp in .venv tells what was set up from what; while it holds, neither apt nor pip is touched.
# Everything said here goes to stderr: stdout belongs to the job that follows.

root=$(cd -P -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
venv=$root/.venv

# PyAutoGUI, the second input backend, is not even imported without tkinter.
python_packages="python3-venv python3-dev python3-tk"
run_packages="gcc libc6-dev pkg-config libcairo2-dev libxcb-shm0 libxcb-randr0 libxcb-xfixes0"
test_packages="xvfb xterm xdotool x11-utils x11-xkb-utils x11-xserver-utils xauth tigervnc-viewer tigervnc-standalone-server
x11vnc gvncviewer libvncserver-dev libxcb1-dev libxcb-shm0-dev libssl-dev"
# Ubuntu's is a snap, which apt cannot install here: name a browser in MPVNC_CHROMIUM there, or let playwright bring one.
if ! grep -qx ID=ubuntu /etc/os-release 2>/dev/null; then test_packages="$test_packages chromium"; fi
# A peer that the tests do not need.
bench_packages="tigervnc-scraping-server"

say() { printf 'mpvnc: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

ensure() {
    python=$(find_python) || [ -z "${PYTHON-}" ] || die "PYTHON=$PYTHON is no Python 3.11 or newer"
    if is_ready "$1"; then return; fi
    install_packages "$1"
    python=$(find_python) || die "no Python 3.11 or newer here; name one: PYTHON=/path/to/python3 $0"
    # The lock is the repository's own directory: two first starts at once do not build into each other.
    {
        flock --nonblock 9 || { say "waiting for another set-up in $root"; flock 9; }
        if ! is_ready "$1"; then build "$1" 9<&-; fi
    } 9<"$root"
}

# The interpreter to build .venv from: never a virtual environment's, which may be the one to be rebuilt.
find_python() {
    if [ -n "${PYTHON-}" ]; then base_of "$PYTHON"; else base_of /usr/bin/python3 || base_of python3; fi
}

base_of() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys._base_executable)' 2>/dev/null
}

is_ready() {
    venv_is_alive || return 1
    stamp=$(fingerprint)
    for need in "$1" test; do
        [ "$stamp" != "$(cat "$venv/.mpvnc-$need" 2>/dev/null)" ] || return 0
    done
    return 1
}

# It was made in this place, of the same interpreter, and both still run.
venv_is_alive() {
    [ -n "$python" ] || return 1
    [ "$(sed -n 's/^command = .* -m venv //p' "$venv/pyvenv.cfg" 2>/dev/null)" = "$venv" ] || return 1
    lived=$("$venv/bin/python" -c 'import pip, sys; print(sys.version, sys.base_prefix)' 2>/dev/null) || return 1
    [ "$lived" = "$("$python" -c 'import sys; print(sys.version, sys.base_prefix)')" ]
}

# Of everything that the install depends on, this file included, and of the kernels that came out of it.
fingerprint() {
    # A pattern that matches nothing is no failure: there may be no compiled kernel.
    {
        cat "$root/pyproject.toml" "$root/scripts/lib.sh" "$root"/mpvnc/kernels/_[a-z]*.py "$root"/mpvnc/kernels/*.pxd || :
        ls "$root"/mpvnc/kernels/*.so "$venv/bin/mpvnc-supervisor" || :
    } 2>/dev/null | sha256sum
}

install_packages() {
    packages=$run_packages
    [ "$1" != test ] || packages="$packages $test_packages"
    [ "$1" != bench ] || packages=$bench_packages
    case $python in '' | /usr/bin/*) packages="$python_packages $packages" ;; esac
    if ! command -v apt-get >/dev/null; then
        say "this is neither Debian nor Ubuntu: going on without a look at" $packages
        return
    fi
    missing=
    for package in $packages; do
        case $(dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null) in
            ii*) ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] || apt_install $missing
}

apt_install() {
    by_hand="sudo apt-get update && sudo apt-get install --no-install-recommends $*"
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=sudo
    else
        die "Debian packages are missing, and there is no right to install them. Run: $by_hand"
    fi
    say "installing the Debian packages $*"
    $as_root apt-get --quiet update >&2 </dev/null || say "apt-get update failed; trying with the lists at hand"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "$@" \
        >&2 </dev/null || die "apt-get failed, see above. By hand: $by_hand"
}

build() {
    rm -f "$venv"/.mpvnc-*
    if ! venv_is_alive; then
        say "making .venv with $python"
        rm -rf "$venv"
        "$python" -m venv "$venv" >&2 || die "$python cannot make a virtual environment, see above"
    fi
    extra=
    [ "$1" != test ] || extra='[test]'
    say "installing mpvnc and its Python packages into .venv, compiling the kernels (some minutes)"
    # A kernel that no longer compiles must not live on in its old form.
    rm -f "$root"/mpvnc/kernels/*.so
    (cd "$root" && "$venv/bin/python" -m pip install --disable-pip-version-check --editable ".$extra") >&2 ||
        die "pip failed, see above"
    # A program that lies beside a checkout named mpvnc would take the checkout for the package, were that not there.
    ln -sfn "$root/mpvnc" "$("$venv/bin/python" -P -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/mpvnc"
    kernels_are_compiled || say "WARNING: the kernels did not compile; numpy does their work, many times slower"
    fingerprint >"$venv/.mpvnc-$1"
    say "set-up done"
}

kernels_are_compiled() {
    "$venv/bin/python" -P -c '
import sys
from mpvnc.kernels import coding, moves, tiles
sys.exit(not (coding.COMPILED and moves.COMPILED and tiles.COMPILED))'
}
