/**
 * The life of the connection: it is opened, lost, and opened again, until somebody ends it. Owns the viewer; draws
 * nothing itself.
 *
 * Events (`detail` in brackets): `state` {state, why, seconds}; `viewer`, a new one is made; `frame`, `delay` [ms],
 * `name` [text], `clipboard` [text], `clipping` [bool] come from the viewer; `lost` [ImageData], the last picture.
 *
 * States: "connecting" {why, if that is known; isAgain, if nobody asked for it; isLetIn, if only the picture is missing};
 * "asking" for credentials {why, types}; "connected"; "waiting" for the next attempt, told anew each second
 * {why, seconds}; "ended" {why}, until somebody wants to connect again.
 */

import { ask } from './ask.js';
import { newAttempt, stageOf } from './attempt.js';
import { Retry } from './retry.js';
import { Viewer } from './viewer.js';
import { SILENT, isFinal, whyClosed, whyLong, whyNotOpened, whyRefused, whyWrong } from './words.js';

/** An attempt that takes longer is explained, and again each time it has taken so much longer. */
const PATIENCE_MS = 2000;
const FURTHER_PATIENCE_MS = 10_000;
/** A server that has been asked and says nothing at all for so long is gone: nobody may have told this device. */
const SILENCE_MS = 20_000;
const GOODBYE_MS = 1000;
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
    #patience = null;

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

    get #surface() {
        return new URL(this.#address).searchParams.get('surface') ?? '';
    }

    get isConnected() {
        return this.state === 'connected';
    }

    /** Connect now, whatever was planned. */
    open() {
        this.#open({});
    }

    #open(detail) {
        this.#retry.cancel();
        this.#drop();
        this.#begin(detail);
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
        this.#begin();
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
            this.#onRefused(attempt);
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
        this.#giveUp(whyClosed(close), close?.code === POLICY_VIOLATION);
    }

    #onWrong(reason) {
        const types = Object.keys(this.#credentials);
        this.#credentials = null;
        this.#enter('asking', { types, why: whyWrong(reason, types.includes('username')) });
    }

    /** noVNC hangs up as soon as it has read the reason. Whether that will be the same later, the server says behind it. */
    async #onRefused(attempt) {
        const close = await Promise.race([attempt.closed, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))]);
        if (this.#isBetweenAttempts) {
            this.#giveUp(whyRefused(attempt.refusal.reason), close?.code === POLICY_VIOLATION);
        }
    }

    async #onNotOpened(attempt) {
        if (attempt.isOpen) {
            this.#giveUp(whyClosed(attempt.close), false);
            return;
        }
        const answer = await this.#ask();
        if (this.#isBetweenAttempts) {
            this.#giveUp(whyNotOpened(this.host, answer, navigator.onLine, this.#surface), isFinal(answer));
        }
    }

    get #isBetweenAttempts() {
        return this.#attempt === null && this.state === 'connecting';
    }

    #ask() {
        return ask(new URL(this.#address).search);
    }

    /** Say why there is no connection; try again by itself unless that is of no use. */
    #giveUp(why, isForGood) {
        if (isForGood) {
            this.#enter('ended', { why });
            return;
        }
        this.#retry.schedule((seconds) => this.#enter('waiting', { why, seconds }), () => this.#open({ why, isAgain: true }));
    }

    /** A network or an eye is back: whoever waits need not wait longer. */
    #hurry() {
        if (this.state === 'waiting') {
            this.open();
        }
    }

    #begin(detail = {}) {
        this.#enter('connecting', detail);
        this.#explainAfter(PATIENCE_MS);
    }

    #explainAfter(ms) {
        clearTimeout(this.#patience);
        this.#patience = setTimeout(() => this.state === 'connecting' && this.#attempt && this.#explain(), ms);
    }

    /** Say what an attempt waits for; give it up if the server is gone. */
    async #explain() {
        const attempt = this.#attempt;
        const stage = stageOf(attempt, this.viewer);
        const answer = await this.#ask();
        if (this.#attempt !== attempt || this.state !== 'connecting') {
            return;
        }
        if (answer === null && attempt.isExplained) {
            this.#drop();
            this.#giveUp(whyNotOpened(this.host, answer, navigator.onLine), false);
            return;
        }
        attempt.isExplained = true;
        const why = whyLong(this.host, stage, answer, this.#surface);
        this.#enter('connecting', { why, isLetIn: stage === 'showing' });
        this.#explainAfter(FURTHER_PATIENCE_MS);
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
