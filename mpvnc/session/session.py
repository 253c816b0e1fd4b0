"""One client: its conversation, what it can do, what it asked for, what its picture holds.

Pure: bytes and the time come in, bytes and heard events go out. It does not know other clients; `broadcast`
decides what it gets of a frame. The rules it keeps:

1. Nothing is sent unasked: an update goes out only while `demand` is open. A client that is to be pushed, which is
   what listing Apple's encoding 1011 means, asks once for all that follows.
2. One update at a time: none is planned while another one is being made (`is_served`).
3. A change of size goes out alone, as the whole answer to a request, and drops what was planned.
4. What an update is planned by (wire class, a non-incremental request, continuous updates) counts in
   `revision`; a client that changes it leaves the update it waits for.
5. After a fence with SyncNext nothing is planned until the next message has taken effect.
6. What a client sends before ServerInit could be sent (there is no screen yet) takes effect after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ParamSpec

from mpvnc.constants import FENCE_SUPPORTED, Encoding, FenceFlag, ResizeStatus
from mpvnc.encodings.base import Stream
from mpvnc.errors import LimitExceeded, ProtocolError
from mpvnc.geometry import EMPTY, Rect
from mpvnc.pixels import NATIVE
from mpvnc.pointer import PointerState
from mpvnc.rfb import events, writers
from mpvnc.rfb.connection import Connection
from mpvnc.rfb.offer import HandshakeSettings
from mpvnc.rfb.security import Access
from mpvnc.rfb.state import State
from mpvnc.session.announcing import Announcements
from mpvnc.session.cursors import Cursors
from mpvnc.session.deadlines import Deadlines
from mpvnc.session.demand import NOTHING, Demand, whole
from mpvnc.session.heard import Heard, Joined
from mpvnc.session.pacing import Link, Pacer
from mpvnc.session.picture import Picture
from mpvnc.session.rungs import Rung
from mpvnc.session.screen import Screen, area
from mpvnc.session.settings import SessionSettings
from mpvnc.session.sizes import Sizes, can_be
from mpvnc.session.standing import Limits, Standing

EARLY_BYTES = 64 * 1024
"""How much a client may send before its ServerInit."""

KNOWN_KEYS = 256
"""So many keys at once are known to be down; nobody has more fingers."""

NEVER = -1
"""No stage of a broadcast."""

_ANNOUNCED = frozenset({Encoding.FENCE, Encoding.CONTINUOUS_UPDATES})
_NO_FENCES = (b"", b"")
_P = ParamSpec("_P")


class Session:
    """The server's side of one client."""

    __slots__ = (
        "_announced", "_deadlines", "_early", "_early_bytes", "_heard", "_is_initialised",
        "_is_pushed", "_is_syncing", "_is_to_be_pushed", "_keys", "_name", "_name_is_due", "_outgoing", "_own_wire",
        "_pointed", "_screen", "_settings", "_sizes", "_told_name", "_usual", "_usual_region", "_wants_init",
        "clipboards", "connection", "content_at", "cursors", "demand", "encodings", "every", "exact",
        "features", "format", "is_muted", "is_served", "pacer", "picture", "refresh_at", "revision",
        "standing", "streams", "view_only", "waits_since", "wire",
    )  # fmt: skip

    def __init__(self, handshake: HandshakeSettings, settings: SessionSettings, now: float) -> None:
        self.connection = Connection(handshake)
        self.demand = Demand()
        self.picture = Picture()
        self.pacer = Pacer()
        self.standing = Standing()
        self.format = NATIVE
        self.encodings: tuple[int, ...] = ()
        self.features: frozenset[int] = frozenset()
        self._sizes = Sizes()
        self.cursors = Cursors(with_cursor=settings.with_cursor, with_pointer=settings.with_pointer)
        self.clipboards = Announcements(handshake.limits.client_cut_text_bytes)
        self.streams: frozenset[Stream] = frozenset()
        self.wire = self._own_wire = settings.wire_class(NATIVE, ())
        self.exact = self.wire
        """The class of what is sent again without losses; the same as `wire` if there are none to make up for."""
        self.every = 1
        """The part of the frames that it gets: every one, every 2nd..."""
        self.refresh_at = 0.0
        """When its budget allows the next refresh."""
        self.is_served = False
        """Whether an update for it is being made."""
        self.content_at = NEVER
        """The stage of the broadcast at which it has everything; asking again brings nothing before the next one."""
        self.waits_since = math.inf
        """Since when it waits for its update, over all the frames that made it be planned anew."""
        self.revision = 0
        """Grows with everything it says that makes the update it waits for the wrong one."""
        self.view_only = False
        self.is_muted = False
        """Whether nobody's input counts now: the source takes none. What was pressed before may still be released."""
        self._keys: set[int] = set()
        """The keys that are down, as far as others have heard of them."""
        self._pointed: events.PointerEvent | None = None
        """Where the pointer is and which buttons are down, as far as others have heard of it."""
        self._settings = settings
        self._deadlines = Deadlines(settings, now)
        self._screen: Screen | None = None
        self._name = ""
        self._told_name = ""
        """What the client takes the desktop to be called."""
        self._is_initialised = False
        self._wants_init: bool | None = None
        self._early: list[tuple[events.Event, float]] = []
        self._early_bytes = 0
        self._announced: frozenset[int] = frozenset()
        self._usual = b""
        """The last bytes that came, if they were one request for all changes: what a viewer repeats for ever."""
        self._usual_region = NOTHING
        self._is_syncing = False
        self._outgoing = bytearray()
        self._heard: list[Heard] = []
        self._is_to_be_pushed = settings.pushes
        self._is_pushed = False
        """Whether updates go out unasked because one was asked for, not because it said so."""
        self._name_is_due = False

    # -- what comes in

    def asks_again(self, data: bytes | bytearray) -> bool:
        """Take `data` if it is the request that the client repeats after every update.

        False: it is not, and has to be given to `receive_data`.
        """
        if data != self._usual:
            return False
        self.demand.request_again(self._usual_region)
        return True

    def receive_data(self, data: bytes, now: float) -> list[Heard]:
        """Take what the client sent and return what concerns others, motions merged.

        Raises: ProtocolError; the session is over. What was understood before it is in `take_heard()`.
        """
        self._usual = b""
        self.connection.keeps_text = self._takes_clipboards
        received = self._receive(now, self.connection.receive_data, data)
        if len(received) == 1 and self._repeats(received[0]):
            self._usual, self._usual_region = data, whole(self.picture.area)
        if self._wants_init is not None:
            self._limit_early(len(data))
        has_partial = self.connection.has_partial_message
        self._deadlines.received(now, has_partial=has_partial, has_whole=bool(received))
        return self.take_heard()

    def encrypted(self, now: float) -> list[Heard]:
        """Go on after `StartTls`: the stream is encrypted. Returns and raises as `receive_data`."""
        self._receive(now, self.connection.encrypted)
        return self.take_heard()

    def admit(self, access: Access, now: float) -> list[Heard]:
        """Go on after `Credentials`: what the user may do. Returns and raises as `receive_data`."""
        self._receive(now, self.connection.judge, access)
        return self.take_heard()

    def take_heard(self) -> list[Heard]:
        """Return what was heard and not yet returned: after an error, or after `show`."""
        heard, self._heard = self._heard, []
        return heard

    def data_to_send(self, *, is_blocked: bool = False) -> bytes:
        """Return what is to be sent now apart from updates, once; clipboards wait for a socket that is blocked.

        A clipboard that goes alone is the same object for all clients: it may be large.
        """
        data = self.connection.data_to_send()
        if self._outgoing:
            data += bytes(self._outgoing)
            self._outgoing.clear()
        if self.clipboards.is_due and not is_blocked:
            data += self.clipboards.data_to_send()
        return data

    def show(self, screen: Screen, name: str) -> None:
        """Take another screen: the first one, another size, or the same after its source was restarted."""
        self._screen = screen
        self._name = self._name or name
        if self._wants_init is not None:
            self._initialise(self._wants_init)
            early, self._early = self._early, []
            for event, then in early:
                self._handle(event, then)
        elif self._is_initialised:
            self._sizes.is_due = area(screen) != self.picture.area
            self.picture.lose(screen)

    def rename(self, name: str) -> None:
        """Give the desktop another name."""
        self._name = name
        self._look_at_name()

    def say(self, message: bytes) -> None:
        """Send a message of its own (bell, cut text), in order with everything else."""
        if self._is_initialised:
            self._outgoing += message

    # -- when

    @property
    def is_over(self) -> bool:
        """Whether the socket is to be closed as soon as everything is sent."""
        return self.connection.state is State.CLOSED

    @property
    def is_ready(self) -> bool:
        """Whether an update may be planned, as far as the protocol goes."""
        return self.demand.is_open and not self.is_served and not self._is_syncing and self._is_initialised

    def is_like_others(self) -> bool:
        """Whether it `is_ready` and nothing is due to it alone: another size, a name, frames at a rate of its own."""
        return (
            self.demand.is_open
            and self._is_initialised
            and self.every == 1
            and not (self.is_served or self._is_syncing or self._name_is_due or self._sizes.is_due)
        )

    def deadline(self) -> tuple[float, str]:
        """Return when the client has taken too long, and for what; infinity if it has all the time."""
        return self._deadlines.next(self.connection.state)

    # -- what goes out with, or instead of, pixels

    def size_update(self) -> bytes | None:
        """Return the update that tells of another size: alone, as the whole answer to a request; None if none."""
        if not self._sizes.is_due or not self._sizes.can_tell:
            return None
        assert self._screen is not None
        self._usual = b""
        self.picture.begin(self._screen)
        self.demand.answered()
        if self._is_pushed:
            self._push(self.picture.area)
        return self._sizes.change(self.picture.area)

    @property
    def has_dues(self) -> bool:
        """Whether a name may be due with the next update."""
        return self._name_is_due

    def extras(self, pointer: PointerState, now: float) -> list[bytes]:
        """Return the pseudo-rectangles that are due with the next update; they count as sent."""
        due = []
        if self._name_is_due:
            due.append(writers.desktop_name(self._name))
            self._told_name, self._name_is_due = self._name, False
        if self.cursors.is_active and pointer.cursor is not None:
            due += self.cursors.rectangles(pointer, self.picture.area, self.format, now)
        return due

    def updated(self, size_bytes: int, now: float) -> tuple[bytes, bytes]:
        """Note that an update with pixels goes out; return what has to go before it and behind it."""
        self.demand.answered()
        return self.pacer.sent(size_bytes, now) if self.demand.is_continuous else _NO_FENCES

    # -- what the network carries

    def wants_link(self, shown: int) -> bool:
        """Whether `judge` is to be told what the kernel knows: two system calls, which few need."""
        return self.demand.is_continuous or self.standing.wants_link(shown, self.picture.frames)

    def judge(self, now: float, shown: int, link: Link | None) -> bool:
        """Look back at the last second, in which the count of frames shown rose to `shown`.

        link: what the kernel knows of the connection, if it is wanted and known. Return whether the session
        changed its rung, and with it what it waits for.
        """
        if link is not None:
            self.pacer.suppose_base(link.base_s, now)
        is_late = self.demand.is_continuous and self.pacer.is_queueing
        rung = self.standing.judge(now, shown, self.picture.frames, link, is_late=is_late)
        if rung is None:
            return False
        self._take_rung(rung)
        return True

    def limits(self) -> Limits:
        """Return how well it is served."""
        return self.standing.limits(self.pacer, self.picture.frames, is_paced=self.demand.is_continuous)

    # -- one method for each event

    def _receive(
        self, now: float, receive: Callable[_P, list[events.Event]], *args: _P.args, **kwargs: _P.kwargs
    ) -> list[events.Event]:
        """Have the connection read, and handle what it understood, be it only before an error."""
        try:
            received = receive(*args, **kwargs)
        except ProtocolError:
            self._handle_all(self.connection.events_before_error, now)
            raise
        self._handle_all(received, now)
        return received

    def _handle_all(self, received: Any, now: float) -> None:
        for event in received:
            if self._wants_init is None:
                self._handle(event, now)
            else:
                self._early.append((event, now))

    def _handle(self, event: events.Event, now: float) -> None:
        self._is_syncing = False
        self._handlers[type(event)](self, event, now)

    def _on_authenticated(self, event: events.Authenticated, now: float) -> None:
        self.view_only = event.view_only
        self._deadlines.authenticated(now)

    def _on_start_tls(self, event: events.StartTls, now: float) -> None:
        self._deadlines.began_tls(now)
        self._heard.append(event)

    def _on_credentials(self, event: events.Credentials, _now: float) -> None:
        self._heard.append(event)

    def _on_wrong_password(self, event: events.WrongPassword, _now: float) -> None:
        self._heard.append(event)

    def _on_client_init(self, event: events.ClientInit, _now: float) -> None:
        self._wants_init = event.shared
        if self._screen is not None:
            self._initialise(event.shared)

    def _on_pixel_format(self, event: events.SetPixelFormat, _now: float) -> None:
        if event.format != self.format:
            self.picture.outgrow()
        self.format = event.format
        self.cursors.forget_shape()
        self._choose_wire()

    def _on_encodings(self, event: events.SetEncodings, _now: float) -> None:
        before, self.encodings = self.features, event.encodings
        self.features = frozenset(event.encodings)
        self.cursors.list_encodings(self.features)
        self._sizes.list_encodings(self.features)
        self._is_to_be_pushed = self._settings.pushes or Encoding.APPLE_PUSH in self.features
        if self._is_pushed and not self._is_to_be_pushed:
            self._push(EMPTY)
        self._choose_wire()
        if Encoding.COPY_RECT in before - self.features:
            self.revision += 1
        unknown = (self.features & _ANNOUNCED) - self._announced
        self._announced |= unknown
        self.pacer.has_fences = Encoding.FENCE in self.features
        if Encoding.FENCE in unknown:
            self._outgoing += writers.fence(FenceFlag.REQUEST | FenceFlag.SYNC_NEXT, b"")
        if Encoding.CONTINUOUS_UPDATES in unknown:
            self._outgoing += writers.end_of_continuous_updates()
        self._outgoing += self.clipboards.list_encodings(
            is_extended=Encoding.EXTENDED_CLIPBOARD in self.features
        )
        self._look_at_name()

    def _on_request(self, event: events.FramebufferUpdateRequest, _now: float) -> None:
        rect = event.rect.intersect(self.picture.area)
        if not event.incremental:
            self.picture.owe(rect)
            self.revision += 1
        if not event.incremental or not self.demand.is_continuous:
            if self.is_served and not self.demand.covers(rect):
                self.revision += 1
            self.demand.request(rect)
        if self._is_to_be_pushed and not self.demand.is_continuous:
            self._push(self.picture.area)
        if self._sizes.wants_layout or not event.incremental:
            self._outgoing += self._sizes.layout(self.picture.area)

    def _on_key(self, event: events.KeyEvent, _now: float) -> None:
        if self.view_only or (self.is_muted and (event.down or event.keysym not in self._keys)):
            return
        if not event.down:
            self._keys.discard(event.keysym)
        elif len(self._keys) < KNOWN_KEYS:
            self._keys.add(event.keysym)
        self._heard.append(event)

    def _on_clipboard(self, event: events.ClientCutText | events.ExtendedCutText, _now: float) -> None:
        given = self.clipboards.handle(event, is_taken=self._takes_clipboards)
        if given is not None:
            self._heard.append(given)

    def _on_skipped(self, _event: events.SkippedCutText, _now: float) -> None:
        """Nobody takes it."""

    def _on_pointer(self, event: events.PointerEvent, now: float) -> None:
        if self.view_only:
            return
        if self.is_muted:
            self._release_buttons(event)
            return
        self.cursors.moved(event.x, event.y, now)
        self._pointed = event
        if self._merges(event):
            self._heard[-1] = event
        else:
            self._heard.append(event)

    def _on_continuous(self, event: events.EnableContinuousUpdates, _now: float) -> None:
        rect = event.rect.intersect(self.picture.area) if event.enable else EMPTY
        self._push(rect)
        self._is_pushed = False
        if not event.enable:
            self._outgoing += writers.end_of_continuous_updates()

    def _on_fence(self, event: events.Fence, now: float) -> None:
        if not event.flags & FenceFlag.REQUEST:
            self.pacer.fence_answered(event.payload, now)
            return
        self._outgoing += writers.fence(event.flags & FENCE_SUPPORTED, event.payload)
        if event.flags & FenceFlag.SYNC_NEXT:
            self._is_syncing = True
            self.revision += 1

    def _on_desktop_size(self, event: events.SetDesktopSize, _now: float) -> None:
        """Ask the source, which may take its time, or never do it; only where there is one that can."""
        status = ResizeStatus.PROHIBITED
        if self._settings.forwards_resize and not (self.view_only or self.is_muted):
            status = ResizeStatus.INVALID_LAYOUT
            if can_be(event.width, event.height):
                status = ResizeStatus.FORWARDED
                self._heard.append(event)
        self._outgoing += self._sizes.answer(status, self.picture.area)

    _handlers: dict[type, Callable[[Session, Any, float], None]] = {  # noqa: RUF012
        events.Authenticated: _on_authenticated,
        events.StartTls: _on_start_tls,
        events.Credentials: _on_credentials,
        events.WrongPassword: _on_wrong_password,
        events.ClientInit: _on_client_init,
        events.SetPixelFormat: _on_pixel_format,
        events.SetEncodings: _on_encodings,
        events.FramebufferUpdateRequest: _on_request,
        events.KeyEvent: _on_key,
        events.PointerEvent: _on_pointer,
        events.ClientCutText: _on_clipboard,
        events.ExtendedCutText: _on_clipboard,
        events.SkippedCutText: _on_skipped,
        events.EnableContinuousUpdates: _on_continuous,
        events.Fence: _on_fence,
        events.SetDesktopSize: _on_desktop_size,
    }

    # -- helpers

    def _initialise(self, shared: bool) -> None:
        assert self._screen is not None
        self._wants_init = None
        self._is_initialised = True
        self.picture.begin(self._screen)
        self.connection.server_init(self._screen.width, self._screen.height, NATIVE, self._name)
        self._heard.append(Joined(self.view_only, shared))
        self._told_name = self._name
        self.clipboards.begin()

    @property
    def _takes_clipboards(self) -> bool:
        return self._settings.takes_clipboards and not (self.view_only or self.is_muted)

    def _look_at_name(self) -> None:
        is_new = self._is_initialised and self._name != self._told_name
        self._name_is_due = is_new and Encoding.DESKTOP_NAME in self.features

    def _push(self, rect: Rect) -> None:
        """Send changes inside `rect` unasked from now on."""
        self.demand.set_continuous(rect)
        self._is_pushed = self.demand.is_continuous
        self.revision += 1

    def _repeats(self, event: events.Event) -> bool:
        """Whether the bytes of `event`, come alone, say the same when they come again: a plain request."""
        return (
            isinstance(event, events.FramebufferUpdateRequest)
            and event.incremental
            and event.rect == self.picture.area
            and self._is_initialised
            and not self.demand.is_continuous
            and not self.connection.has_partial_message
        )

    def _release_buttons(self, event: events.PointerEvent) -> None:
        """Hear of buttons that are up now, where the pointer was last; nothing else of a muted client's pointer."""
        last = self._pointed
        if last is not None and last.button_mask & ~event.button_mask:
            self._pointed = events.PointerEvent(last.button_mask & event.button_mask, last.x, last.y)
            self._heard.append(self._pointed)

    def _limit_early(self, size_bytes: int) -> None:
        self._early_bytes += size_bytes
        if self._early_bytes > EARLY_BYTES:
            raise LimitExceeded(f"{self._early_bytes} bytes before ServerInit, the limit is {EARLY_BYTES}")

    def _choose_wire(self) -> None:
        own = self._own_wire = self._settings.wire_class(self.format, self.encodings)
        self.standing.ladder.own(own.quality)
        exact = own.with_quality(None)
        if exact.encoding is Encoding.RAW:
            exact = own
        before, self.exact = self.exact, exact
        self.picture.expect(is_lossy=exact is not own, is_other=exact is not before)
        self._take_rung(self.standing.ladder.rung)

    def _take_rung(self, rung: Rung) -> None:
        """Be sent by another class, or other frames. What is settled stays so."""
        before, self.wire = self.wire, self._own_wire.with_quality(rung.quality)
        self.every = rung.every
        if self.wire is not before:
            self.revision += 1
        if before.quality is not None and self.wire.quality is None:
            self.picture.outgrow()

    def _merges(self, event: events.PointerEvent) -> bool:
        """Whether `event` and the last two things heard are motions with the same buttons."""
        last = self._heard[-2:]
        return len(last) == 2 and all(
            isinstance(one, events.PointerEvent) and one.button_mask == event.button_mask for one in last
        )
