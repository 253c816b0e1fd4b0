"""The clipboard of an X display, from outside: its owner, or somebody who pastes (ICCCM section 2)."""

from __future__ import annotations

import struct
from typing import Any

import xcffib
import xcffib.xproto as xproto

from tests.support.waits import eventually


class Selection:
    """A client of one display that copies and pastes. Requests are answered in `pump`, and while it waits."""

    def __init__(self, display: str) -> None:
        self._connection: Any = xcffib.connect(display=display)  # type: ignore[no-untyped-call]
        self._core = self._connection.core
        screen = self._connection.get_setup().roots[0]
        self._window = self._connection.generate_id()
        self._core.CreateWindow(0, self._window, screen.root, 0, 0, 1, 1, 0, 1, 0, 0, [])
        self._atoms = {
            name: self._core.InternAtom(False, len(name), name).reply().atom
            for name in ("CLIPBOARD", "UTF8_STRING", "TARGETS", "ATOM", "PASTED")
        }
        self._text = b""
        self._notified = False

    def copy(self, text: str) -> None:
        """Own the clipboard, with this text in it."""
        self._text = text.encode()
        self._core.SetSelectionOwner(self._window, self._atoms["CLIPBOARD"], xproto.Time.CurrentTime)
        self._core.GetInputFocus().reply()

    def paste(self) -> str | None:
        """Return the text that the clipboard's owner has; None if it has none, or nobody owns it."""
        self._notified = False
        names = (self._atoms[name] for name in ("CLIPBOARD", "UTF8_STRING", "PASTED"))
        self._core.ConvertSelection(self._window, *names, xproto.Time.CurrentTime)
        self._connection.flush()
        eventually(self._is_notified, what="an answer of the clipboard's owner")
        pasted = self._core.GetProperty(True, self._window, self._atoms["PASTED"], 0, 0, 1 << 20).reply()
        return bytes(pasted.value.buf()).decode() if pasted.type else None

    def pump(self) -> None:
        """Answer those who paste."""
        while (event := self._connection.poll_for_event()) is not None:
            if isinstance(event, xproto.SelectionRequestEvent):
                self._answer(event)
            elif isinstance(event, xproto.SelectionNotifyEvent):
                self._notified = True
        self._connection.flush()

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()

    def _is_notified(self) -> bool:
        self.pump()
        return self._notified

    def _answer(self, event: Any) -> None:
        place = event.property or event.target
        if event.target == self._atoms["UTF8_STRING"]:
            self._put(event.requestor, place, self._atoms["UTF8_STRING"], 8, self._text)
        elif event.target == self._atoms["TARGETS"]:
            targets = struct.pack("=II", self._atoms["TARGETS"], self._atoms["UTF8_STRING"])
            self._put(event.requestor, place, self._atoms["ATOM"], 32, targets)
        else:
            place = 0
        notice: Any = xproto.SelectionNotifyEvent
        answer = notice.synthetic(event.time, event.requestor, event.selection, event.target, place)
        self._core.SendEvent(False, event.requestor, 0, answer.pack())

    def _put(self, window: int, place: int, kind: int, bits: int, data: bytes) -> None:
        count = len(data) * 8 // bits
        self._core.ChangeProperty(xproto.PropMode.Replace, window, place, kind, bits, count, data)
