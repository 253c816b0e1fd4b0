/**
 * The life of the connection: it is opened, lost, and opened again, until somebody ends it. Owns the viewer; draws
 * nothing itself.
 *
 * Events (`detail` in brackets): `state` {state, why, seconds}; `viewer`, a new one is made; `frame`, `delay` [ms],
 * `name` [text], `clipboard` [text], `clipping` [bool] come from the viewer; `lost` [ImageData], the last picture.
 *
 * States: "connecting"; "asking" for credentials {why, types}; "connected"; "waiting" for the next attempt, told anew
 * each second {why, seconds}; "ended" {why}.
 */

import { Retry } from './retry.js';
import { Viewer } from './viewer.js';
import { SILENT, whyClosed, whyNotOpened, whyRefused, whyWrong } from './words.js';

const HEALTH_TIMEOUT_MS = 3000;
/** A server that has been asked and says nothing at all for so long is gone: nobody may have told this device. */
const SILENCE_MS = 20_000;
/** Somebody ended this connection on purpose (RFC 6455 section 7.4.1, 1008). */
const POLICY_VIOLATION = 1008;

export class Session extends EventTarget {
    /** The viewer of the connection, or null between connections. */
    viewer = null;
    state = 'connecting';
    #target;
    #address;
    #retry = new Retry();
    #credentials = null;
    #attempt = null;

    constructor(target, address) {
        super();
        this.#target = target;
        this.#address = address;
        window.addEventListener('online', () => this.#hurry());
        document.addEventListener('visibilitychange', () => document.hidden || this.#hurry());
    }

    get host() {
        return new URL(this.#address).host;
    }

    get isConnected() {
        return this.state === 'connected';
    }

    /** Connect now, whatever was planned. */
    open() {
        this.#retry.cancel();
        this.#drop();
        this.#enter('connecting');
        const attempt = this.#attempt = newAttempt(this.#address);
        this.viewer = new Viewer(this.#target, attempt.socket, {});
        this.#listen(this.viewer, attempt);
        this.#tell('viewer');
    }

    /** Measure the delay; `delay` follows, or the connection is given up. */
    probe() {
        const { probedAt } = this.viewer;
        const silentSince = Math.max(probedAt ?? Infinity, this.#attempt.heardAt);
        if (performance.now() - silentSince > SILENCE_MS) {
            const { viewer } = this;
            this.#drop();
            this.#onLost(viewer, SILENT);
        } else {
            this.viewer.probe();
        }
    }

    /** Answer "asking". If the server has lost patience meanwhile, connect anew and answer then. */
    answer(credentials) {
        this.#credentials = credentials;
        if (this.viewer === null) {
            this.open();
            return;
        }
        this.#enter('connecting');
        this.#send();
    }

    /** Give up; `why` is shown. */
    end(why) {
        this.#retry.cancel();
        this.#drop();
        this.#enter('ended', { why });
    }

    #listen(viewer, attempt) {
        const current = (handle) => (event) => this.#attempt === attempt && handle(event.detail);
        const on = (name, handle) => viewer.addEventListener(name, current(handle));
        on('connect', () => this.#onConnect());
        on('credentialsrequired', ({ types }) => this.#onAsked(types));
        on('securityfailure', (detail) => { attempt.refusal = detail; });
        on('disconnect', () => this.#onDisconnect(viewer, attempt));
        on('frame', () => this.#tell('frame'));
        on('delay', (ms) => this.#tell('delay', ms));
        on('desktopname', ({ name }) => this.#tell('name', name));
        on('clipboard', ({ text }) => this.#tell('clipboard', text));
        on('clippingviewport', (isClipping) => this.#tell('clipping', isClipping));
    }

    #onConnect() {
        this.#retry.opened();
        this.#enter('connected');
    }

    #onAsked(types) {
        if (types.every((type) => this.#credentials?.[type] !== undefined)) {
            this.#send();
        } else {
            this.#enter('asking', { types });
        }
    }

    #send() {
        this.#attempt.hasAnswered = true;
        this.viewer.sendCredentials(this.#credentials);
    }

    #onDisconnect(viewer, attempt) {
        const was = this.state;
        this.#attempt = this.viewer = null;
        if (was === 'connected') {
            this.#onLost(viewer, attempt.close);
        } else if (attempt.refusal !== null && attempt.hasAnswered) {
            this.#onWrong(attempt.refusal.reason);
        } else if (attempt.refusal !== null) {
            this.#wait(whyRefused(attempt.refusal.reason));
        } else if (was === 'asking') {
            // The server does not wait for ever; the answer opens a new connection.
        } else {
            this.#onNotOpened(attempt);
        }
    }

    #onLost(viewer, close) {
        const picture = viewer.getImageData();
        if (picture) {
            this.#tell('lost', picture);
        }
        if (close?.code === POLICY_VIOLATION) {
            this.#enter('ended', { why: whyClosed(close) });
        } else {
            this.#wait(whyClosed(close));
        }
    }

    #onWrong(reason) {
        const types = Object.keys(this.#credentials);
        this.#credentials = null;
        this.#enter('asking', { types, why: whyWrong(reason, types.includes('username')) });
    }

    async #onNotOpened(attempt) {
        if (attempt.isOpen) {
            this.#wait(whyClosed(attempt.close));
            return;
        }
        const answer = await askHealth();
        if (this.#attempt === null && this.state === 'connecting') {
            this.#wait(whyNotOpened(this.host, answer, navigator.onLine));
        }
    }

    #wait(why) {
        this.#retry.schedule((seconds) => this.#enter('waiting', { why, seconds }), () => this.open());
    }

    /** A network or an eye is back: whoever waits need not wait longer. */
    #hurry() {
        if (this.state === 'waiting') {
            this.open();
        }
    }

    #drop() {
        const viewer = this.viewer;
        this.#attempt = this.viewer = null;
        viewer?.disconnect();
    }

    #enter(state, detail = {}) {
        this.state = state;
        this.#tell('state', { state, ...detail });
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }
}

/** Return a WebSocket, and what is to be known about it when it ends. */
function newAttempt(address) {
    const socket = new WebSocket(address, ['binary']);
    const attempt = { socket, isOpen: false, heardAt: 0, close: null, refusal: null, hasAnswered: false };
    socket.addEventListener('open', () => { attempt.isOpen = true; });
    socket.addEventListener('message', () => { attempt.heardAt = performance.now(); });
    // Before noVNC's own listener, which tells `disconnect`.
    socket.addEventListener('close', (event) => { attempt.close = event; });
    return attempt;
}

/** Ask the server over plain HTTP whether it lives. Returns a Response, or null. */
async function askHealth() {
    try {
        const options = { method: 'HEAD', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) };
        return await fetch('health', options);
    } catch {
        return null;
    }
}
