/** Every error in plain words. A sentence says what happened, and what to do where somebody can do something. */

const CLOSED = {
    0: 'The server does not answer any more. It, or the network, may be stuck.',
    1001: 'The server is stopping or starting anew.',
    1006: 'The connection was lost.',
    1008: 'The server has ended this connection.',
    1009: 'The server got a message that is too large for it.',
    1011: 'The server had to end the connection because of a fault of its own.',
    1012: 'The server is starting anew.',
    1013: 'The server has too much to do.',
};

/** In place of a CloseEvent: the server says nothing any more, and nobody says why. */
export const SILENT = { code: 0, reason: '' };

/** Say why an open connection ended; `close` is the WebSocket's CloseEvent, or null if this side gave up. */
export function whyClosed(close) {
    if (close === null) {
        return 'The server sent something that this page does not understand.';
    }
    const said = close.reason ? ` It says: ${close.reason}` : '';
    return (CLOSED[close.code] ?? 'The server has closed the connection.') + said;
}

/**
 * Say why no connection came about. `answer` is what a plain HTTP question to the server gave: a Response, or null.
 */
export function whyNotOpened(host, answer, isOnline) {
    if (!isOnline) {
        return 'This device is offline.';
    }
    if (answer === null) {
        return `The server at ${host} does not answer. It may be starting anew, or the network is down.`;
    }
    if (answer.status === 401) {
        return 'Something between this page and the server asks for a login. Load the page again.';
    }
    if (answer.status === 503) {
        return `The server at ${host} is there, but has nothing to show yet.`;
    }
    return `The server at ${host} answers, but not to WebSockets from this page. It may not allow this address, `
        + 'or a proxy in between does not pass WebSockets on.';
}

/** Say that the server refused before it asked for a password. */
export function whyRefused(reason) {
    return reason ? `The server refuses: ${sentence(reason)}` : 'The server refuses the connection and gives no reason.';
}

/** Say that the server did not accept a password; most servers give a reason that says no more than that. */
export function whyWrong(reason, hadUser) {
    const what = hadUser ? 'This user name and password were not accepted.' : 'This password was not accepted.';
    const saysMore = reason && !/^(authentication|login) fail(ed|ure)\W*$/i.test(reason);
    return saysMore ? `${what} The server says: ${sentence(reason)}` : what;
}

function sentence(text) {
    return /[.!?]$/.test(text) ? text : `${text}.`;
}
