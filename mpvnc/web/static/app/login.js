/** Asks for what the server wants to know: a password, or a user name and a password. Kept in memory only. */

const find = (id) => document.getElementById(id);

export function tieLogin(session) {
    const dialog = find('login');
    session.addEventListener('state', ({ detail }) => {
        if (detail.state === 'asking') {
            ask(dialog, detail);
        } else if (dialog.open) {
            dialog.close('state');
        }
    });
    find('login-form').addEventListener('submit', (event) => {
        event.preventDefault();
        session.answer(credentials(!find('login-user-row').hidden));
        find('login-password').value = '';
    });
    find('login-cancel').addEventListener('click', () => session.end('The server wants a login.'));
    dialog.addEventListener('cancel', (event) => {
        event.preventDefault();
        session.end('The server wants a login.');
    });
}

function ask(dialog, { types, why = '' }) {
    const wantsUser = types.includes('username');
    find('login-user-row').hidden = !wantsUser;
    find('login-why').textContent = why;
    if (!dialog.open) {
        dialog.showModal();
    }
    find(wantsUser && !find('login-user').value ? 'login-user' : 'login-password').focus();
}

function credentials(withUser) {
    const password = find('login-password').value;
    return withUser ? { username: find('login-user').value, password } : { password };
}
