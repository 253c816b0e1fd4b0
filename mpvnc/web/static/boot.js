/**
 * Loads the page anew if a part of it did not come, as when the server is started anew in that moment. No module: it
 * must work when the modules did not come.
 */
'use strict';

(() => {
    const KEY = 'mpvnc-loads';
    const MOST = 5;
    const PAUSE_MS = 1000;

    /** How often it was loaded anew; Infinity without a memory, for there must be no endless loading. */
    const loads = () => {
        try {
            return Number(sessionStorage.getItem(KEY));
        } catch {
            return Infinity;
        }
    };
    const isPart = (target) => target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
    const say = (id, text) => {
        const place = document.getElementById(id);
        if (place) {
            place.textContent = text;
        }
    };

    const onMissing = () => {
        const isLast = loads() >= MOST;
        say('notice-title', 'Not loaded');
        say('notice-text', `A part of this page did not come. ${isLast ? 'Load it again later.' : 'Loading it again.'}`);
        if (!isLast) {
            sessionStorage.setItem(KEY, String(loads() + 1));
            setTimeout(() => location.reload(), PAUSE_MS);
        }
    };
    // The errors of elements do not bubble; they can be captured.
    window.addEventListener('error', (event) => isPart(event.target) && onMissing(), { capture: true });
    window.addEventListener('mpvnc-loaded', () => loads() < Infinity && sessionStorage.removeItem(KEY));
})();
