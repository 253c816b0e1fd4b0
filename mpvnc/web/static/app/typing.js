/**
 * The on-screen keyboard of a phone. It shows up for a text field only, and tells what the text became, not which keys
 * were pressed: the field holds some text always, and each change of it is turned into keys.
 */

import keysyms from '../novnc/core/input/keysymdef.js';
import KeyTable from '../novnc/core/input/keysym.js';

const find = (id) => document.getElementById(id);
/** Something to delete, so that the phone's Backspace has an effect that can be seen. */
const FILLING = '\u00a0'.repeat(40);
const LONGEST = 400;
const NAMED = {
    Enter: 'Return', Tab: 'Tab', Escape: 'Escape', Backspace: 'BackSpace', Delete: 'Delete', Home: 'Home', End: 'End',
    ArrowLeft: 'Left', ArrowRight: 'Right', ArrowUp: 'Up', ArrowDown: 'Down', PageUp: 'Prior', PageDown: 'Next',
};

/** Return the keysyms that turn the text `before` into `after`: Backspace as often as needed, then what is new. */
export function keysFor(before, after) {
    const [old, now] = [[...before], [...after]];
    let same = 0;
    while (same < Math.min(old.length, now.length) && old[same] === now[same]) {
        same += 1;
    }
    const deletions = Array(old.length - same).fill(KeyTable.XK_BackSpace);
    return [...deletions, ...now.slice(same).map(keysymOf)];
}

function keysymOf(character) {
    return character === '\n' ? KeyTable.XK_Return : keysyms.lookup(character.codePointAt(0));
}

export function tieTyping(session) {
    const field = find('typing');
    const button = find('typing-button');
    let before = FILLING;
    const refill = () => {
        field.value = before = FILLING;
        field.setSelectionRange(FILLING.length, FILLING.length);
    };
    const send = (keysym) => session.viewer?.sendKey(keysym, null);

    field.addEventListener('focus', refill);
    field.addEventListener('input', (event) => {
        keysFor(before, field.value).forEach(send);
        before = field.value;
        if (!event.isComposing && (before.length < FILLING.length / 2 || before.length > LONGEST)) {
            refill();
        }
    });
    field.addEventListener('keydown', (event) => {
        if (NAMED[event.key] && !event.isComposing) {
            event.preventDefault();
            send(KeyTable[`XK_${NAMED[event.key]}`]);
        }
    });
    // The button must not take the focus away before it is seen who has it.
    button.addEventListener('mousedown', (event) => event.preventDefault());
    button.addEventListener('click', () => (document.activeElement === field ? field.blur() : field.focus()));
    for (const [name, isOpen] of [['focus', true], ['blur', false]]) {
        field.addEventListener(name, () => button.setAttribute('aria-pressed', String(isOpen)));
    }
    followKeyboard();
}

/** Where the keyboard covers the page and does not shrink it (iOS), shrink the page. */
function followKeyboard() {
    const visible = window.visualViewport;
    visible?.addEventListener('resize', () => {
        document.documentElement.style.setProperty('--height', `${visible.height * visible.scale}px`);
    });
}
