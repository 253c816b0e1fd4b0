"""What the test viewer raises: the server broke the protocol, refused, hung up, or the test is wrong."""


class ViewerError(Exception):
    """Anything that the test viewer finds wrong."""


class ProtocolViolation(ViewerError):
    """The server sent what the specification does not allow at that place."""


class DecodeError(ProtocolViolation):
    """The data of a rectangle are not what its encoding allows."""


class Refused(ViewerError):
    """The server refused the connection as the protocol has it; the text is its reason, if it gave one."""


class Disconnected(ViewerError):
    """The connection ended."""


class MisuseError(ViewerError):
    """The test asked the viewer for what a correct client must not do."""
