/** The viewer's page: makes its parts and ties them to one session. */

import { tieClipboard } from './app/clipboard.js';
import { tieFullScreen } from './app/fullscreen.js';
import { tieKeys } from './app/keys.js';
import { tieLogin } from './app/login.js';
import { tieNotice } from './app/notice.js';
import { tiePanels } from './app/panels.js';
import { tiePicture } from './app/picture.js';
import { tieReadings } from './app/readings.js';
import { Session } from './app/session.js';
import { tieTyping } from './app/typing.js';
import { addressOf, surfaceQuery } from './app/address.js';

const session = new Session(document.getElementById('screen'), addressOf(location));
for (const tie of [
    tieNotice, tieLogin, tiePanels, tiePicture, tieKeys, tieTyping, tieClipboard, tieReadings, tieFullScreen,
]) {
    tie(session);
}
document.getElementById('snapshot').search = surfaceQuery(location);
session.open();
window.dispatchEvent(new Event('mpvnc-loaded'));
