/** The clipboard, both ways: by hand in its panel always, by itself where the browser allows that and the user wants it. */

import { chosen, keep } from './settings.js';

const find = (id) => document.getElementById(id);
/** Absent where the page did not come by https or from this machine. */
const device = navigator.clipboard;

export function tieClipboard(session) {
    const text = find('clipboard-text');
    const sync = find('clipboard-sync');
    /** What both sides hold as far as this page knows: only what differs from it is passed on. */
    let known = null;

    const send = (content, note) => {
        known = content;
        session.viewer?.clipboardPasteFrom(content);
        say(note);
    };
    const fetchDevice = async () => {
        const content = await device.readText();
        if (content !== '' && content !== known) {
            text.value = content;
            send(content, 'Sent this device’s clipboard.');
        }
    };
    const syncFromDevice = () => {
        if (sync.checked && session.isConnected && !document.body.classList.contains('is-view-only')) {
            fetchDevice().catch(() => say('The browser does not let this page read the clipboard.'));
        }
    };

    session.addEventListener('clipboard', ({ detail }) => {
        text.value = known = detail;
        say('Received from remote.');
        if (sync.checked) {
            device.writeText(detail).catch(() => say('Received. The browser wants a press on “Copy to this device”.'));
        }
    });
    find('clipboard-send').addEventListener('click', () => send(text.value, 'Sent.'));
    find('clipboard-copy').addEventListener('click', () => copy(text));
    find('clipboard-fetch').addEventListener('click', () => {
        fetchDevice().catch(() => say('The browser does not let this page read the clipboard.'));
    });
    window.addEventListener('focus', syncFromDevice);
    session.addEventListener('state', ({ detail }) => detail.state === 'connected' && syncFromDevice());
    tieSync(sync, syncFromDevice);
    limitInViewOnly(session);
    find('clipboard-fetch').hidden = !device?.readText;
}

function tieSync(sync, syncFromDevice) {
    find('clipboard-sync-label').hidden = !device?.readText;
    sync.checked = Boolean(device?.readText) && chosen('sync') === 'on';
    sync.addEventListener('change', () => {
        keep('sync', sync.checked ? 'on' : 'off');
        syncFromDevice();
    });
}

async function copy(text) {
    try {
        await device.writeText(text.value);
        say('Copied.');
    } catch {
        // Without the clipboard's interface: select it, and let the browser copy what is selected.
        text.select();
        say(document.execCommand('copy') ? 'Copied.' : 'The text is selected: press Ctrl-C to copy it.');
    }
}

function limitInViewOnly(session) {
    const allow = () => {
        const isAllowed = session.isConnected && !document.body.classList.contains('is-view-only');
        find('clipboard-send').disabled = find('clipboard-fetch').disabled = !isAllowed;
    };
    session.addEventListener('state', allow);
    session.addEventListener('viewonly', allow);
}

function say(note) {
    find('clipboard-note').textContent = note;
}
