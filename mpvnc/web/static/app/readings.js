/** What a viewer may want to know: size of the picture, how many come in a second, and how late. */

const EVERY_MS = 1000;
const PROBE_EVERY = 2;

export function tieReadings(session) {
    let updates = 0;
    let ticks = 0;
    session.addEventListener('frame', () => { updates += 1; });
    session.addEventListener('delay', ({ detail }) => show('delay', `${Math.max(1, Math.round(detail))} ms`));
    session.addEventListener('state', ({ detail }) => detail.state === 'connected' || clear());
    setInterval(() => {
        if (session.isConnected) {
            show('rate', `${updates} updates/s`);
            show('size', session.viewer.size.join(' × '));
            if (ticks % PROBE_EVERY === 0 && !document.hidden) {
                session.probe();
            }
        }
        updates = 0;
        ticks += 1;
    }, EVERY_MS);
    document.getElementById('server').textContent = session.host;
    document.getElementById('encrypted').textContent = location.protocol === 'https:' ? 'yes' : 'no';
}

function clear() {
    for (const name of ['size', 'rate', 'delay']) {
        show(name, '');
    }
}

function show(name, text) {
    for (const place of document.querySelectorAll(`[data-reading=${name}]`)) {
        place.textContent = text || (place.tagName === 'DD' ? '–' : '');
    }
}
