/** Where the server is: beside this page, whatever name, port or path a proxy gave it. */

/** Return "?surface=..." as the page's own address has it, or "". */
export function surfaceQuery(page) {
    const surface = new URLSearchParams(page.search).get('surface');
    return surface ? `?${new URLSearchParams({ surface })}` : '';
}

/** Return the WebSocket's URL of the page at `page` (a Location or URL). */
export function addressOf(page) {
    const url = new URL(`websockify${surfaceQuery(page)}`, page.href);
    url.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
}
