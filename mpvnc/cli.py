"""`mpvnc-supervisor`: what is typed, turned into a configuration and a call. Exit codes: 0, 1, 2 (usage), 4.

Owns the arguments and the lines that a person reads. Must not load numpy.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import select
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import IO

from mpvnc import __version__, config, log
from mpvnc.config import Config, Secrets
from mpvnc.errors import ConfigError, ControlError, MpvncError
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.ipc.places import control_path, runtime_directory
from mpvnc.rfb.security.users import ROLES
from mpvnc.supervisor.checks import check
from mpvnc.supervisor.configuration import Configuration, secrets_of
from mpvnc.supervisor.descriptors import open_standard_streams
from mpvnc.supervisor.instance import NAMELESS
from mpvnc.supervisor.keyring import check_files, warnings_about
from mpvnc.supervisor.main import Setup, Supervisor
from mpvnc.supervisor.passwd import ask_password, role_in, set_password
from mpvnc.supervisor.tables import clients_table, status_text

EXIT_OK, EXIT_FAILED, EXIT_CONFIG = 0, 1, 4
_STOP_TIMEOUT_S = 30.0
_EXIT_TIMEOUT_S = 5.0
"""A program that runs a server may go on after it."""
_SECRETS_TIMEOUT_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Wrong usage raises SystemExit(2)."""
    open_standard_streams()
    arguments = _parse(sys.argv[1:] if argv is None else list(argv))
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        return _complain(error, EXIT_CONFIG)
    except MpvncError as error:
        return _complain(error, EXIT_FAILED)
    except BrokenPipeError:
        return EXIT_FAILED


def _complain(error: MpvncError, code: int) -> int:
    print(f"mpvnc-supervisor: {error}", file=sys.stderr)
    return code


def _common_options() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config", metavar="FILE", help="configuration file (else MPVNC_CONFIG, else defaults)"
    )
    common.add_argument(
        "--set",
        dest="overrides",
        metavar="SECTION.KEY=VALUE",
        action="append",
        default=[],
        help="set one key",
    )
    common.add_argument("--instance", metavar="NAME", help="the instance's name (server.name)")
    common.add_argument("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return common


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mpvnc-supervisor",
        description="Show one screen to many viewers, over VNC. Without a command it starts.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 4 a configuration that cannot be served.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"mpvnc {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, run, text in (
        ("start", _start, "serve, in the foreground"),
        ("status", _status, "show what a running server does"),
        ("clients", _clients, "list the viewers of a running server"),
        ("kick", _kick, "disconnect a viewer"),
        ("reload", _reload, "have the configuration read anew, from the file and --set of the start"),
        ("stop", _stop, "stop a running server and wait for its end"),
        ("passwd", _passwd, "make a user, or give one another password"),
        ("check-config", _check_config, "check the configuration and exit"),
    ):
        command = commands.add_parser(name, parents=[_common_options()], help=text, description=text)
        command.set_defaults(run=run)
        if name == "start":
            command.add_argument("--publisher-fd", type=int, help=argparse.SUPPRESS)
        if name == "kick":
            command.add_argument("client", metavar="ID", type=int, help="the viewer's id in `clients`")
        if name == "passwd":
            command.add_argument("user", metavar="USER", help="the user's name")
            command.add_argument(
                "--role", choices=sorted(ROLES), help="what the user may do; needed for a new one"
            )
            command.add_argument("--file", metavar="FILE", help="the users file (else security.users_file)")
        if name in ("status", "clients"):
            command.add_argument("--json", action="store_true", help="as JSON")
    return parser.parse_args(_with_command(argv))


def _with_command(argv: list[str]) -> list[str]:
    """Insert `start` where no command is given."""
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        return ["start", *argv]
    return argv


def _load(arguments: argparse.Namespace, amendments: Sequence[str] = ()) -> Config:
    overrides = list(arguments.overrides)
    if arguments.instance:
        overrides.append(f"server.name={arguments.instance}")
    if arguments.log_level:
        overrides.append(f"logging.log_level={arguments.log_level}")
    path = arguments.config or os.environ.get("MPVNC_CONFIG") or None
    return config.load(path, [*overrides, *amendments])


def _load_all(
    arguments: argparse.Namespace, amendments: Sequence[str] = ()
) -> tuple[Config, Secrets, list[str]]:
    """Return configuration, secrets, and warnings about the files that it names."""
    loaded = _load(arguments, amendments)
    secrets, warnings = config.read_secrets(loaded, os.environ)
    return loaded, secrets, warnings + warnings_about(loaded)


def _start(arguments: argparse.Namespace) -> int:
    if sys.platform != "linux":
        raise ControlError("mpvnc serves on Linux only")
    publisher = None
    if arguments.publisher_fd is not None:
        publisher = ControlSocket.from_fd(arguments.publisher_fd)
        os.set_inheritable(publisher.fileno(), False)
    try:
        return _serve(arguments, publisher)
    except MpvncError as error:
        if publisher is not None:
            with suppress(ControlError):
                publisher.send({"type": "refused", "reason": str(error)})
        raise


def _serve(arguments: argparse.Namespace, publisher: ControlSocket | None) -> int:
    """Serve until the end; `publisher` is the socket of the program that started us for itself."""
    named = any(override.startswith("server.name=") for override in arguments.overrides)
    if publisher is not None and not named:
        arguments.overrides.append(f"server.name={NAMELESS}{os.getpid()}")
    sent = None if publisher is None else _publisher_secrets(publisher)

    read = Configuration(functools.partial(_load_all, arguments), sent)
    loaded, secrets, warnings = read()
    try:
        running_log = log.start_log("supervisor", loaded.logging.log_level, loaded.logging.log_file)
    except OSError as error:
        raise ConfigError(f"logging.log_file: {loaded.logging.log_file}: {error.strerror}") from error
    try:
        log.warn_all(warnings)
        setup = Setup(os.environ, __version__, read, publisher=publisher, amend=read.amend)
        return Supervisor(loaded, secrets, setup).run()
    finally:
        running_log.close()


def _publisher_secrets(publisher: ControlSocket) -> Secrets:
    """Return the secrets that the program which started us sends first; its word is the last."""
    publisher.set_timeout(_SECRETS_TIMEOUT_S)
    received = publisher.receive()
    if received is None or received[0]["type"] != "secrets":
        raise ControlError("the publisher sent no secrets")
    return secrets_of(received[0])


def _check_config(arguments: argparse.Namespace) -> int:
    loaded, secrets, warnings = _load_all(arguments)
    check(loaded, secrets)
    check_files(loaded)
    if not log.is_level(loaded.logging.log_level):
        warnings.append(f"logging.log_level: {loaded.logging.log_level} is no level; INFO will be taken")
    for warning in warnings:
        print(f"mpvnc-supervisor: warning: {warning}", file=sys.stderr)
    print("the configuration is good")
    return EXIT_OK


def _passwd(arguments: argparse.Namespace) -> int:
    name = arguments.file or _load(arguments).security.users_file
    if not name:
        raise ConfigError("which users file? Give --file, or a configuration with security.users_file")
    role = arguments.role or role_in(Path(name), arguments.user)
    if not role:
        raise ConfigError(f"{arguments.user} is new: give --role view or --role control")
    set_password(Path(name), arguments.user, role, ask_password(arguments.user))
    print(f"{arguments.user} may {role}; a server that runs learns it from mpvnc-supervisor reload")
    return EXIT_OK


def _status(arguments: argparse.Namespace) -> int:
    answer = _answer(arguments, {"type": "status"})
    if arguments.json:
        print(json.dumps({key: value for key, value in answer.items() if key != "type"}, indent=2))
    else:
        print(status_text(answer))
    return EXIT_OK


def _clients(arguments: argparse.Namespace) -> int:
    with closing(_connect(arguments)) as control:
        answer = _ask(control, {"type": "clients"})
        clients = answer["clients"]
        while answer["more"]:
            answer = _next_answer(control)
            clients += answer["clients"]
    clients.sort(key=lambda client: client["client"])
    silent = answer["silent_workers"]
    for worker in silent:
        print(f"mpvnc-supervisor: worker {worker} does not answer", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"clients": clients, "silent_workers": silent}, indent=2))
    else:
        print(clients_table(clients))
    return EXIT_OK


def _kick(arguments: argparse.Namespace) -> int:
    _answer(arguments, {"type": "kick", "client": arguments.client})
    print(f"client {arguments.client} is disconnected")
    return EXIT_OK


def _reload(arguments: argparse.Namespace) -> int:
    answer = _answer(arguments, {"type": "reload"})
    for warning in answer["warnings"]:
        print(f"mpvnc-supervisor: warning: {warning}", file=sys.stderr)
    print(f"changed: {', '.join(answer['changed']) or 'nothing'}")
    for line in answer["later"]:
        print(line)
    return EXIT_OK


def _stop(arguments: argparse.Namespace) -> int:
    with closing(_connect(arguments)) as control, _process_behind(control) as process:
        control.set_timeout(_STOP_TIMEOUT_S)
        _ask(control, {"type": "stop"})
        while control.receive() is not None:
            pass
        if process is not None:
            end = select.poll()
            end.register(process, select.POLLIN)
            end.poll(_EXIT_TIMEOUT_S * 1000)
    print("stopped")
    return EXIT_OK


def _process_behind(control: ControlSocket) -> AbstractContextManager[IO[bytes] | None]:
    """Return what becomes readable when the process of a server ends.

    None for our own, of which the server is a thread, and for one that cannot be seen, in another PID namespace.
    """
    pid, _ = control.peer_credentials()
    with suppress(OSError):
        return nullcontext() if pid == os.getpid() else open(os.pidfd_open(pid), "rb", buffering=0)
    return nullcontext()


def _connect(arguments: argparse.Namespace) -> ControlSocket:
    loaded = _load(arguments)
    directory = runtime_directory(loaded.server.runtime_dir, os.environ)
    path = control_path(directory, loaded.server.name)
    try:
        return ControlSocket.connect(path)
    except ControlError as error:
        if isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
            raise ControlError(
                f"no server named {loaded.server.name} runs (another --instance or runtime directory?)"
            ) from error
        raise


def _answer(arguments: argparse.Namespace, message: Message) -> Message:
    """Ask a running supervisor something that it answers with one message."""
    with closing(_connect(arguments)) as control:
        return _ask(control, message)


def _ask(control: ControlSocket, message: Message) -> Message:
    control.send(message)
    return _next_answer(control)


def _next_answer(control: ControlSocket) -> Message:
    received = control.receive()
    if received is None:
        raise ControlError("the supervisor closed the connection")
    answer = received[0]
    if answer["type"] == "refused":
        raise ControlError(f"refused: {answer['reason']}")
    if answer["type"] == "bad_config":
        raise ConfigError(answer["reason"])
    return answer


if __name__ == "__main__":
    sys.exit(main())
