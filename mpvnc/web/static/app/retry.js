/** When to try again: soon at first, then less and less often, and not all viewers of a server at the same moment. */

const FIRST_S = 0.5;
const MOST_S = 15;
const SPREAD = 0.25;
/** A connection that lived so long starts the delays anew. */
const SETTLED_MS = 10_000;

/** Return the delay in seconds before attempt `failures` (1 and up); `chance` is from 0 to 1. */
export function delay(failures, chance) {
    const whole = Math.min(FIRST_S * 2 ** (failures - 1), MOST_S);
    return whole * (1 - SPREAD + 2 * SPREAD * chance);
}

/** Counts failures and seconds. */
export class Retry {
    #failures = 0;
    #openedAt = null;
    #timer = null;

    /** Call `tick(seconds)` at once and each second from now, then `go()`. */
    schedule(tick, go) {
        this.cancel();
        if (this.#openedAt !== null && performance.now() - this.#openedAt > SETTLED_MS) {
            this.#failures = 0;
        }
        this.#openedAt = null;
        this.#failures += 1;
        this.#count(performance.now() + delay(this.#failures, Math.random()) * 1000, tick, go);
    }

    /** Note that a connection stands. */
    opened() {
        this.#openedAt = performance.now();
    }

    cancel() {
        clearTimeout(this.#timer);
        this.#timer = null;
    }

    #count(end, tick, go) {
        const left = end - performance.now();
        if (left <= 0) {
            go();
            return;
        }
        tick(Math.ceil(left / 1000));
        this.#timer = setTimeout(() => this.#count(end, tick, go), left % 1000 || 1000);
    }
}
