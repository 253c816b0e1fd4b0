/** What the user chose, kept by the browser; the page's address can override it for one visit. */

const KEY = 'mpvnc';
const CHOICES = {
    fit: { start: 'fit', allowed: ['fit', 'actual'] },
    quality: { start: '6', allowed: ['lossless', '9', '6', '3', '0'] },
    compression: { start: '1', allowed: ['1', '4', '8'] },
    sync: { start: 'off', allowed: ['off', 'on'] },
};

function stored() {
    try {
        return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
        // Storage may be forbidden, or hold what is not ours.
        return {};
    }
}

/** Return the choice called `name`: from the address, else kept, else the default. */
export function chosen(name) {
    const { start, allowed } = CHOICES[name];
    const wishes = [new URLSearchParams(location.search).get(name), stored()[name]];
    return wishes.find((wish) => allowed.includes(wish)) ?? start;
}

/** Keep a choice for the next visit, if the browser lets us. */
export function keep(name, value) {
    try {
        localStorage.setItem(KEY, JSON.stringify({ ...stored(), [name]: value }));
    } catch {
        // It holds for this visit.
    }
}

/** Return whether the address asks for a viewer that only looks: "?view_only" or "?view_only=1". */
export function startsViewOnly() {
    const wish = new URLSearchParams(location.search).get('view_only');
    return wish !== null && wish !== '0' && wish !== 'false';
}
