/** How the picture is shown and asked for: size, quality, compression, view-only. */

import { chosen, keep, startsViewOnly } from './settings.js';

const find = (id) => document.getElementById(id);

export function tiePicture(session) {
    const choices = { fit: chosen('fit'), quality: chosen('quality'), compression: chosen('compression') };
    const view = { isOnly: startsViewOnly(), drags: false };
    const apply = () => session.viewer && applyTo(session.viewer, choices, view);
    const change = (name, value) => {
        choices[name] = value;
        keep(name, value);
        apply();
    };

    for (const radio of document.querySelectorAll('[name=fit]')) {
        radio.checked = radio.value === choices.fit;
        radio.addEventListener('change', () => change('fit', radio.value));
    }
    for (const name of ['quality', 'compression']) {
        find(name).value = choices[name];
        find(name).addEventListener('change', () => change(name, find(name).value));
    }
    find('drag').addEventListener('change', () => {
        view.drags = find('drag').checked;
        apply();
    });
    tieViewOnly(session, view, apply);
    session.addEventListener('viewer', apply);
    session.addEventListener('clipping', ({ detail }) => { find('drag-label').hidden = !detail; });
    session.addEventListener('state', ({ detail }) => detail.state === 'connected' && present(session));
}

function tieViewOnly(session, view, apply) {
    const button = find('view-only-button');
    const show = () => {
        button.setAttribute('aria-pressed', String(view.isOnly));
        document.body.classList.toggle('is-view-only', view.isOnly);
        session.dispatchEvent(new CustomEvent('viewonly', { detail: view.isOnly }));
    };
    button.addEventListener('click', () => {
        view.isOnly = !view.isOnly;
        // Keys that are down now would never come up again at the other end.
        session.dispatchEvent(new CustomEvent('letgo'));
        session.viewer?.releaseKeys();
        apply();
        show();
    });
    session.addEventListener('viewer', show);
}

function applyTo(viewer, choices, view) {
    const fits = choices.fit === 'fit';
    viewer.background = 'transparent';
    viewer.scaleViewport = fits;
    // A finger cannot hold a scroll bar: there the picture is moved by dragging it.
    viewer.clipViewport = !fits && matchMedia('(pointer: coarse)').matches;
    viewer.dragViewport = view.drags && viewer.clipViewport;
    viewer.viewOnly = view.isOnly;
    viewer.setQuality(choices.quality);
    viewer.compressionLevel = Number(choices.compression);
}

/** Name the canvas for screen readers, let the tab key reach it, and give it the keyboard if nobody else has it. */
function present(session) {
    const canvas = document.querySelector('#screen canvas');
    canvas.tabIndex = 0;
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', 'Remote screen');
    canvas.setAttribute('aria-describedby', 'leave-hint');
    canvas.addEventListener('blur', () => session.viewer?.releaseKeys());
    if (document.activeElement === document.body) {
        session.viewer.focus({ preventScroll: true });
    }
}
