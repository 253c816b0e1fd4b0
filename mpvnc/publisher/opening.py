"""`publish()`: from a surface to a publication, with a server of the program's own or one that runs.

Owns: what the arguments mean, and that nothing is left behind if it fails.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from mpvnc.config import Secrets, check_secrets
from mpvnc.errors import ConfigError, PublishError
from mpvnc.ipc.control import ControlSocket
from mpvnc.ipc.feed import EventTap
from mpvnc.publisher.launch import end_supervisor, instance_for, join_supervisor, start_supervisor
from mpvnc.publisher.link import Link
from mpvnc.publisher.publication import Publication
from mpvnc.publisher.surface import Surface, pixels_of


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
) -> Publication:
    """Show `surface` to viewers, as it is now; later changes by `Publication.frame`.

    With a port, or without name and instance, a server of this program's own is started, and ends with the
    publication. With a name or an instance alone the surface goes to the server that this user runs with
    `source.kind: publish`; port, host, passwords and settings are its own then. A server shows any number of surfaces,
    each under its own name: viewers get the first one, or that of the listener that they connect to.

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

    Raises: PublishError if the surface cannot be published or the server does not start, answer or agree.
    """
    pixels_of(surface)
    own = {"server.port": port, "server.host": host, **(settings or {})}
    secrets = {"password": password, "view_only_password": view_only_password}
    try:
        check_secrets(Secrets(**secrets), "password", "view_only_password")
    except ConfigError as error:
        raise PublishError(str(error)) from None
    control, process = _connect(name, instance, own, secrets)
    hello = {
        "type": "publish",
        "name": name or "",
        "width": surface.get_width(),
        "height": surface.get_height(),
        "title": title or name or "mpvnc",
        "view_only": view_only,
    }
    try:
        link = Link(control, hello)
        tap = EventTap(link.events_endpoint)
        publication = Publication(surface, link, tap, process, view_only=view_only)
    except BaseException as error:
        control.close()
        code = None if process is None else end_supervisor(process)
        if isinstance(error, PublishError) and code:
            raise PublishError(f"the server ended with exit code {code}: {error}") from error
        raise
    try:
        publication.publish_frame()
    except BaseException:
        publication.close()
        raise
    return publication


def _connect(
    name: str | None,
    instance: str | None,
    own: Mapping[str, object],
    secrets: Mapping[str, str | None],
) -> tuple[ControlSocket, subprocess.Popen[bytes] | None]:
    given = {key: value for key, value in own.items() if value is not None}
    if (name is None and instance is None) or "server.port" in given:
        given["source.kind"] = "publish"
        if instance is not None:
            given["server.name"] = instance
        return start_supervisor(given, secrets)
    if given or any(secrets.values()):
        raise PublishError("host, passwords and settings need port=: a server that runs has its own")
    return join_supervisor(instance or instance_for(name)), None
