/** Keys that the browser or its system keeps for itself, and the way from the remote screen back to the bar. */

import KeyTable from '../novnc/core/input/keysym.js';

const find = (id) => document.getElementById(id);
const MODIFIERS = ['Control', 'Alt', 'Shift'];

/** Return [keysym, code] of an attribute such as "Tab Tab": names of X11 without XK_, and of KeyboardEvent.code. */
function keyOf(words) {
    const [name, code] = words.split(' ');
    return [KeyTable[`XK_${name}`], code];
}

export function tieKeys(session) {
    const panel = find('keys-panel');
    find('function-keys').append(...Array.from({ length: 12 }, (_, index) => functionKey(index + 1)));
    // A click leaves the keyboard with the remote screen: Ctrl here and C there is Ctrl-C.
    panel.addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
    for (const button of panel.querySelectorAll('[data-press]')) {
        button.addEventListener('click', () => session.viewer?.sendKey(...keyOf(button.dataset.press)));
    }
    for (const button of panel.querySelectorAll('[data-hold]')) {
        tieHeld(session, button);
    }
    find('ctrl-alt-del').addEventListener('click', () => session.viewer?.sendCtrlAltDel());
    const allow = () => {
        const isAllowed = session.isConnected && !document.body.classList.contains('is-view-only');
        panel.querySelectorAll('button').forEach((button) => { button.disabled = !isAllowed; });
    };
    session.addEventListener('state', allow);
    session.addEventListener('viewonly', allow);
    window.addEventListener('keydown', (event) => leave(event, session), { capture: true });
}

function functionKey(number) {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.press = `F${number} F${number}`;
    button.textContent = `F${number}`;
    return button;
}

function tieHeld(session, button) {
    const isHeld = () => button.getAttribute('aria-pressed') === 'true';
    const show = (holds) => button.setAttribute('aria-pressed', String(holds));
    const hold = (holds) => {
        session.viewer?.sendKey(...keyOf(button.dataset.hold), holds);
        show(holds);
    };
    button.addEventListener('click', () => hold(!isHeld()));
    session.addEventListener('letgo', () => isHeld() && hold(false));
    // The server lets go of what a viewer held when the viewer goes.
    session.addEventListener('viewer', () => show(false));
}

/** Ctrl, Alt and Shift together: the remote screen takes every other key, Tab among them. */
function leave(event, session) {
    const isAll = MODIFIERS.includes(event.key) && event.ctrlKey && event.altKey && event.shiftKey;
    if (!isAll || !find('screen').contains(document.activeElement)) {
        return;
    }
    event.preventDefault();
    event.stopPropagation();
    session.viewer?.releaseKeys();
    session.dispatchEvent(new CustomEvent('leave'));
    find('keys-button').focus();
}
