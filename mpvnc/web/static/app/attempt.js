/** One attempt to connect: its WebSocket, and how far it came. */

/** Return a WebSocket, and what is to be known about it when it ends. */
export function newAttempt(address) {
    const socket = new WebSocket(address, ['binary']);
    const attempt = {
        socket, isOpen: false, heardAt: 0, close: null, refusal: null, hasAnswered: false, isExplained: false,
        closed: new Promise((resolve) => { socket.addEventListener('close', resolve); }),
    };
    socket.addEventListener('open', () => { attempt.isOpen = true; });
    socket.addEventListener('message', () => { attempt.heardAt = performance.now(); });
    // Before noVNC's own listener, which tells `disconnect`.
    socket.addEventListener('close', (event) => { attempt.close = event; });
    return attempt;
}

/** Return what an attempt waits for, as `whyLong` calls it. */
export function stageOf(attempt, viewer) {
    if (!attempt.isOpen) {
        return 'opening';
    }
    if (viewer.isLetIn) {
        return 'showing';
    }
    return attempt.hasAnswered ? 'judging' : 'greeting';
}
