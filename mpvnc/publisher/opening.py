"""`publish()`: from a surface to a publication, with a server of the program's own or one that runs.

Owns: what the arguments mean, and that nothing is left behind if it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mpvnc.errors import PublishError
from mpvnc.ipc.control import ControlSocket, Message
from mpvnc.publisher.arguments import checked_label, checked_name, checked_passwords, checked_settings
from mpvnc.publisher.launch import OwnSupervisor, instance_for, join_supervisor
from mpvnc.publisher.link import Greeting
from mpvnc.publisher.publication import Publication
from mpvnc.publisher.rejoin import ANSWER_TIMEOUT_S, Rejoin
from mpvnc.publisher.surface import Surface, pixels_of

EXIT_CONFIGURATION = 4
_HINT = " (publish() takes password= and settings={'section.key': value})"

Log = Callable[[str], None]


def publish(
    surface: Surface,
    *,
    port: int | None = None,
    host: str | None = None,
    name: str | None = None,
    instance: str | None = None,
    title: str | None = None,
    password: str | None = None,
    view_only_password: str | None = None,
    view_only: bool = False,
    settings: Mapping[str, object] | None = None,
    reconnect: bool = True,
    log: Log | None = None,
    immediately: bool = True,
) -> Publication:
    """Show `surface` to viewers, as it is now; later changes by `Publication.frame`.

    With a port, or without name and instance, a server of this program's own is started, and ends with the
    publication. With a name or an instance alone the surface goes to the server that this user runs with
    `source.kind: publish`; port, host, passwords and settings are its own then. If that server goes away, the
    publication waits for it to come back, and goes on; see `Publication.is_connected`.

    A server shows any number of surfaces, each under its own name: viewers get the first one, or that of the
    listener that they connect to.

    Args:
        surface: RGB24 or ARGB32, any stride; pycairo's, cairocffi's or anything alike.
        port: 0 picks a free one, which `Publication.listeners` tells; None is the default, 5900.
        host: the address to listen at; loopback by default.
        name: of the surface, "main" by default; a program that comes back under the same name goes on with its
            surface, and viewers stay.
        instance: the server to join, `server.name` in its configuration. By default that is "default", or one called
            like the surface if only that runs. With a port, what the one that is started is called.
        title: the desktop's name as viewers show it; by default the surface's name.
        password: viewers that give it may control; None lets everybody in, which only loopback allows.
        view_only_password: viewers that give it may look.
        view_only: nobody controls: the only events are connect and disconnect.
        settings: more of the configuration, such as {"server.workers": 2}; server of our own only.
        reconnect: whether to wait for a server that was joined and goes away; else the publication ends with it.
        log: called with each line of the server's log, `time level role[pid] client message`, in a thread of its
            own; None leaves warnings and errors on stderr. Server of our own only.
        immediately: False shows nothing before the first frame: another thread may be drawing on the surface now.

    Raises: PublishError if the surface cannot be published or the server does not start, answer or agree.
    """
    pixels_of(surface)
    checked_label("name", name)
    checked_label("instance", instance)
    if not (log is None or callable(log)):
        raise PublishError(f"log is a function of one line, not a {type(log).__name__}")
    given = {"server.port": port, "server.host": host, **checked_settings(settings)}
    own_settings = {key: value for key, value in given.items() if value is not None}
    secrets = checked_passwords(password, view_only_password)
    hello = {
        "type": "publish",
        "name": name or "",
        "width": surface.get_width(),
        "height": surface.get_height(),
        "title": checked_name(title or name or "mpvnc"),
        "view_only": view_only,
    }
    if (name is None and instance is None) or "server.port" in own_settings:
        if instance is not None:
            own_settings["server.name"] = instance
        own_settings["source.kind"] = "publish"
        if log is None:
            own_settings.setdefault("logging.log_level", "WARNING")
        own = OwnSupervisor(own_settings, secrets, log)
        return _with_own(surface, own, hello, immediately=immediately)
    if own_settings or any(secrets.values()) or log is not None:
        raise PublishError("host, passwords, settings and log need port=: a server that runs has its own")
    joined = instance or instance_for(name)
    rejoin = Rejoin(joined, hello) if reconnect else None
    return _opened(surface, join_supervisor(joined), hello, rejoin=rejoin, immediately=immediately)


def _with_own(surface: Surface, own: OwnSupervisor, hello: Message, *, immediately: bool) -> Publication:
    try:
        return _opened(surface, own.control, hello, own=own, immediately=immediately)
    except BaseException as error:
        own.control.close()
        code = own.end()
        if isinstance(error, PublishError) and code:
            hint = _HINT if code == EXIT_CONFIGURATION else ""
            raise PublishError(f"the server ended with exit code {code}: {error}{hint}") from error
        raise


def _opened(
    surface: Surface,
    control: ControlSocket,
    hello: Message,
    *,
    own: OwnSupervisor | None = None,
    rejoin: Rejoin | None = None,
    immediately: bool,
) -> Publication:
    """Return a publication, which shows the surface already if it is to; nothing is left of it if that fails."""
    link = Greeting(control, hello).wait(ANSWER_TIMEOUT_S)
    try:
        publication = Publication(surface, link, view_only=bool(hello["view_only"]), own=own, rejoin=rejoin)
    except BaseException:
        link.close()
        raise
    try:
        if immediately:
            publication.publish_frame()
    except BaseException:
        publication.close()
        raise
    return publication
