/**
 * noVNC's RFB with what its public interface leaves out: each whole picture is told, the delay is measured, and lossy
 * pictures can be declined.
 *
 * All use of noVNC's private names is in this file. tests/page/test_page.py fails if an update of noVNC changes them.
 */

import RFB from '../novnc/core/rfb.js';
import { encodings } from '../novnc/core/encodings.js';

const REQUEST = 0x80000000;
const BLOCK_BEFORE = 1;
const FENCE_HEADER_BYTES = 8;
const PROBE = 'mpvnc';

/** The sockets whose server is told of no encoding that loses anything. */
const lossless = new WeakSet();
const { clientEncodings } = RFB.messages;

RFB.messages.clientEncodings = (socket, list) => {
    clientEncodings(socket, lossless.has(socket) ? list.filter((encoding) => !isLossy(encoding)) : list);
};

function isLossy(encoding) {
    const level = encoding - encodings.pseudoEncodingQualityLevel0;
    return (level >= 0 && level <= 9) || encoding === encodings.encodingJPEG || encoding === encodings.encodingH264;
}

/** Events beside noVNC's: `frame` when an update is complete, `delay` with its milliseconds as detail. */
export class Viewer extends RFB {
    /** When the question was asked that the server has not answered yet (performance.now()), or null. */
    probedAt = null;

    /** Width and height of the remote screen, in its pixels. */
    get size() {
        return [this._fbWidth, this._fbHeight];
    }

    /** Whether the server has let it in and has only to say what there is to be seen. */
    get isLetIn() {
        return this._rfbInitState === 'ServerInitialisation';
    }

    /** Set the quality: 0 to 9, or "lossless". */
    setQuality(quality) {
        const wasLossless = lossless.has(this._sock);
        if (quality === 'lossless') {
            lossless.add(this._sock);
        } else {
            lossless.delete(this._sock);
            this.qualityLevel = Number(quality);
        }
        if (wasLossless !== lossless.has(this._sock) && this._rfbConnectionState === 'connected') {
            this._sendEncodings();
        }
    }

    /** Tell the server that every key which it takes for pressed is up. noVNC does so when the window loses the focus. */
    releaseKeys() {
        this._keyboard._allKeysUp();
    }

    /** Ask the server for a sign of life behind what it is sending; `delay` follows. One question at a time. */
    probe() {
        if (this._supportsFence && this.probedAt === null) {
            this.probedAt = performance.now();
            RFB.messages.clientFence(this._sock, REQUEST | BLOCK_BEFORE, PROBE);
        }
    }

    _framebufferUpdate() {
        const isWhole = super._framebufferUpdate();
        if (isWhole) {
            this.dispatchEvent(new CustomEvent('frame'));
        }
        return isWhole;
    }

    /** Take answers to `probe`; noVNC knows the server's questions only and takes an answer for an error. */
    _handleServerFenceMsg() {
        if (this._sock.rQwait('fence', FENCE_HEADER_BYTES, 1)) {
            return false;
        }
        const header = this._sock.rQpeekBytes(FENCE_HEADER_BYTES);
        const isRequest = header[3] & 0x80;
        if (isRequest) {
            return super._handleServerFenceMsg();
        }
        const size = FENCE_HEADER_BYTES + header[7];
        if (this._sock.rQwait('fence', size, 1)) {
            return false;
        }
        this._sock.rQskipBytes(size);
        this.dispatchEvent(new CustomEvent('delay', { detail: performance.now() - this.probedAt }));
        this.probedAt = null;
        return true;
    }
}
