/** The panels under the bar: one at a time, opened and closed by its button, closed by Escape. */

export function tiePanels() {
    const buttons = [...document.querySelectorAll('.tools [aria-controls]')];
    const panelOf = (button) => document.getElementById(button.getAttribute('aria-controls'));
    const show = (button, isShown) => {
        panelOf(button).hidden = !isShown;
        button.setAttribute('aria-expanded', String(isShown));
    };
    for (const button of buttons) {
        button.addEventListener('click', () => {
            const opens = panelOf(button).hidden;
            buttons.forEach((other) => show(other, other === button && opens));
        });
        // The panel follows its button for the tab key, wherever it stands in the page.
        button.addEventListener('keydown', (event) => {
            if (event.key === 'Tab' && !event.shiftKey && !panelOf(button).hidden) {
                event.preventDefault();
                firstIn(panelOf(button)).focus();
            }
        });
        panelOf(button).addEventListener('keydown', (event) => {
            if (event.key === 'Escape') {
                show(button, false);
                button.focus();
            }
        });
    }
}

function firstIn(panel) {
    return panel.querySelector('button:not([disabled]), textarea, input:not([disabled]), select, a[href]');
}
