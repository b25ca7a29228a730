import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme, currentTheme } from './theme.ts';

applyTheme(currentTheme(), false);
render(<App />, document.getElementById('app')!);
