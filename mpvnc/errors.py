"""Every exception that mpvnc raises, as one tree.

```
MpvncError
├── ConfigError             the user's configuration is wrong; names the key
├── ProtocolError           the peer broke the protocol; costs its connection
│   └── LimitExceeded       ... by asking for more than a named limit
├── AuthenticationFailed    the peer answered wrongly
├── EncodeError             our own mistake while encoding a rectangle
├── FrameError
│   ├── TornFrame           the writer overtook the reader; try the newest frame
│   └── SegmentGone         the memory is no longer what it says it is
├── CaptureError            the screen cannot be read (now)
├── InjectError             input cannot be delivered (now)
├── PublishError            publish() cannot do what was asked
└── ControlError            a process of ours does not answer as agreed
```
"""


class MpvncError(Exception):
    """The base of all errors that mpvnc raises on purpose."""


class ConfigError(MpvncError):
    """A configuration that cannot be served; the message names the key and what was expected."""


class ProtocolError(MpvncError):
    """The peer sent what the protocol does not allow; the message says what and shows it in hex."""


class LimitExceeded(ProtocolError):
    """The peer asked for more than a limit allows; raised before any memory is taken."""


class AuthenticationFailed(MpvncError):
    """The peer's answer to the challenge was wrong."""


class EncodeError(MpvncError):
    """A rectangle that cannot be encoded: a mistake of ours, never of the peer."""


class FrameError(MpvncError):
    """Something about a frame segment."""


class TornFrame(FrameError):
    """The writer overtook the reader while it copied."""


class SegmentGone(FrameError):
    """The segment is missing, too small, or not laid out as its header says."""


class CaptureError(MpvncError):
    """The screen cannot be captured; the source is down until it can be again."""


class InjectError(MpvncError):
    """Input events cannot be delivered to their target."""


class PublishError(MpvncError):
    """What was asked of `publish()` or a `Publication` cannot be done."""


class ControlError(MpvncError):
    """A control message that is malformed, out of order or unanswered."""
