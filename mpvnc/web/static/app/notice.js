/** Tells how the connection stands: the dot and words in the bar, the notice over the screen, and a voice for screen readers. */

const TITLES = {
    connecting: 'Connecting',
    asking: 'Login needed',
    connected: 'Connected',
    waiting: 'Not connected',
    ended: 'Not connected',
};
/** While it is let in and there is nothing to be seen. */
const LET_IN = 'Waiting for a picture';
/** Whether the button had the keyboard when it went. */
let hadFocus = false;
const find = (id) => document.getElementById(id);

export function tieNotice(session) {
    let said = '';
    session.addEventListener('state', ({ detail }) => {
        const title = detail.isLetIn ? LET_IN : TITLES[detail.state];
        document.body.dataset.state = detail.state;
        find('state').textContent = title;
        showNotice(title, detail);
        const sentence = [title, detail.why].filter(Boolean).join('. ');
        // Countdown and attempts are for the eye; a voice that tells all of them is a nuisance.
        if (sentence !== said && !detail.isAgain) {
            find('spoken').textContent = said = sentence;
        }
    });
    session.addEventListener('lost', ({ detail }) => keepPicture(detail));
    session.addEventListener('frame', () => dropPicture());
    session.addEventListener('name', ({ detail }) => {
        document.title = detail ? `${detail} – mpvnc` : 'mpvnc';
        find('name').textContent = detail || 'mpvnc';
    });
    // Where the server wants encryption it speaks it, on the same port.
    find('notice-secure').href = location.href.replace(/^http:/, 'https:');
    find('notice-action').addEventListener('click', () => session.open());
}

function showNotice(title, { state, why = '', seconds, isAgain = false }) {
    find('notice').hidden = state === 'connected' || state === 'asking';
    find('notice').classList.toggle('is-new', !why);
    find('notice-title').textContent = title;
    find('notice-text').textContent = why;
    find('notice-countdown').textContent = seconds ? `Trying again in ${seconds} s` : isAgain ? 'Trying again now' : '';
    find('notice-secure').hidden = location.protocol === 'https:' || !/\bhttps\b/.test(why);
    find('notice-action').textContent = state === 'ended' ? 'Connect' : 'Try now';
    showAction(state === 'waiting' || state === 'ended' || isAgain);
    hadFocus &&= state !== 'connected';
}

/** Show or hide the button; whoever had the keyboard on it when it went has it there again when it comes back. */
function showAction(isShown) {
    const action = find('notice-action');
    const { activeElement } = document;
    if (action.hidden && isShown && hadFocus && activeElement === document.body) {
        action.hidden = false;
        action.focus();
    } else if (!action.hidden) {
        hadFocus = activeElement === action;
    }
    action.hidden = !isShown;
}

/** Leave the last picture standing, dimmed, until a new one is there. */
function keepPicture(picture) {
    const ghost = find('ghost');
    ghost.width = picture.width;
    ghost.height = picture.height;
    ghost.getContext('2d').putImageData(picture, 0, 0);
    ghost.hidden = false;
}

function dropPicture() {
    const ghost = find('ghost');
    if (!ghost.hidden) {
        ghost.hidden = true;
        ghost.width = ghost.height = 0;
    }
}
