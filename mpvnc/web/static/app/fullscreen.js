/** Full screen: the bar leaves the picture alone until it is called by its handle, or by Ctrl, Alt and Shift. */

const find = (id) => document.getElementById(id);

export function tieFullScreen(session) {
    const button = find('full-screen-button');
    const handle = find('handle');
    const showBar = (isShown) => {
        document.body.classList.toggle('shows-bar', isShown);
        handle.setAttribute('aria-expanded', String(isShown));
    };
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener('click', () => {
        if (document.fullscreenElement) {
            document.exitFullscreen();
        } else {
            document.documentElement.requestFullscreen({ navigationUI: 'hide' }).then(takeKeys, () => {});
        }
    });
    handle.addEventListener('click', () => showBar(!document.body.classList.contains('shows-bar')));
    session.addEventListener('leave', () => showBar(Boolean(document.fullscreenElement)));
    document.addEventListener('fullscreenchange', () => {
        const isFull = Boolean(document.fullscreenElement);
        document.body.classList.toggle('is-full', isFull);
        button.setAttribute('aria-pressed', String(isFull));
        handle.hidden = !isFull;
        showBar(false);
        session.viewer?.focus();
    });
}

/** Ask for the keys that the system keeps (Alt-Tab, Meta, Escape), where the browser can give them: holding Escape leaves. */
function takeKeys() {
    navigator.keyboard?.lock?.().catch(() => {});
}
