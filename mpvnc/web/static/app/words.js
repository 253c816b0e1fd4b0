/** Every error in plain words. A sentence says what happened, and what to do where somebody can do something. */

const CLOSED = {
    0: 'The server does not answer any more. It, or the network, may be stuck.',
    1001: 'The server is stopping or starting anew.',
    1006: 'The connection was lost.',
    1008: 'The server has ended this connection.',
    1009: 'The server got a message that is too large for it.',
    1011: 'The server had to end the connection because of a fault of its own.',
    1012: 'The server is starting anew.',
    1013: 'The server has no room for another viewer.',
};

/** In place of a CloseEvent: the server says nothing any more, and nobody says why. */
export const SILENT = { code: 0, reason: '' };

/** Say why an open connection ended; `close` is the WebSocket's CloseEvent, or null if this side gave up. */
export function whyClosed(close) {
    if (close === null) {
        return 'The server sent something that this page does not understand.';
    }
    const said = close.reason ? ` It says: ${sentence(close.reason)}` : '';
    return (CLOSED[close.code] ?? 'The server has closed the connection.') + said;
}

/** What the server's /health says, and what that means for somebody who wants to see something. */
const SHOWN = {
    'not published': 'No program shows anything here yet. The picture comes by itself when one does.',
    'no frame yet': 'The server has no picture yet. It comes by itself when there is one.',
    'the source is down': 'What the server shows is not running. The picture comes by itself when it runs again.',
};
const BY_PROXY = new Set([502, 504]);

function whyNothing(said, surface) {
    return surface && said === 'not published'
        ? `No program shows “${surface}” yet. The picture comes by itself when one does.`
        : SHOWN[said];
}

/** Say why no connection came about. `answer` is what `ask` returned; `surface` the name in the address, or "". */
export function whyNotOpened(host, answer, isOnline, surface = '') {
    if (!isOnline) {
        return 'This device is offline.';
    }
    if (answer === null) {
        return `The server at ${host} does not answer. It may be starting anew, or the network is down.`;
    }
    if (answer.status === 401) {
        return 'Something between this page and the server asks for a login. Load the page again.';
    }
    if (BY_PROXY.has(answer.status)) {
        return `What stands at ${host} in front of the server does not reach it. The server may be starting anew.`;
    }
    if (answer.said && answer.said !== 'ok') {
        return whyNothing(answer.said, surface) ?? whyRefused(answer.said);
    }
    return `The server at ${host} answers, but WebSockets do not get through. A proxy in between may not pass them on.`;
}

/** Whether `answer` will be the same however often it is asked for: the server itself has said no to this page. */
export function isFinal(answer) {
    return Boolean(answer?.said) && [403, 404, 421].includes(answer.status);
}

/**
 * Say why an attempt takes long: `stage` is "opening" (no connection yet), "greeting" (nothing was said yet), "judging"
 * (a password was given) or "showing" (let in); `answer` and `surface` are as for `whyNotOpened`.
 */
export function whyLong(host, stage, answer, surface = '') {
    if (stage === 'judging') {
        return 'The server is checking the password. After wrong ones from here that takes longer.';
    }
    if (stage === 'showing') {
        return whyNothing(answer?.said, surface) ?? 'The server has not sent a picture yet.';
    }
    return `The server at ${host} takes long to answer.`;
}

/** Say that the server refused before it asked for a password. */
export function whyRefused(reason) {
    if (/\buse https\b/.test(reason)) {
        return 'The server wants an encrypted connection: https in the address instead of http.';
    }
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
