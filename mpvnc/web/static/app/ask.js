/** Asks the server by plain HTTP how it stands: a browser does not tell its page why a WebSocket was refused. */

const TIMEOUT_MS = 3000;
const LONGEST = 300;

/**
 * Ask whether this page may connect to the surface of `query` and would see something. Returns null if nobody answers,
 * else {status, said}: the HTTP status, and what mpvnc itself says, not a proxy in between; "" if it was not mpvnc.
 */
export async function ask(query) {
    const parameters = new URLSearchParams(query);
    parameters.set('page', location.origin);
    try {
        const answer = await fetch(`health?${parameters}`, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
        return { status: answer.status, said: await wordsOf(answer) };
    } catch {
        return null;
    }
}

async function wordsOf(answer) {
    const type = answer.headers.get('Content-Type') ?? '';
    if (type.startsWith('application/json')) {
        return String((await answer.json()).status ?? '');
    }
    return type.startsWith('text/plain') ? (await answer.text()).trim().slice(0, LONGEST) : '';
}
