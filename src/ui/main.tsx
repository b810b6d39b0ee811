import { render } from 'preact';

import { App } from './app.tsx';

// A tab that was open while the service was updated asks for a part that is no more: the new page has its own.
addEventListener('vite:preloadError', () => location.reload());

render(<App />, document.getElementById('app')!);
