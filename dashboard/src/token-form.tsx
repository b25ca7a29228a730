import { useState } from 'preact/hooks';

interface TokenFormProps {
  readonly wrong: boolean;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ wrong, onToken }: TokenFormProps) {
  const [token, setToken] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    onToken(token.trim());
  };
  return (
    <main class="token">
      <form class="card" onSubmit={submit}>
        <h1>Spillway</h1>
        <label>
          Admin token
          <input
            type="password"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {wrong && <p role="alert">That token was not accepted.</p>}
        <button type="submit" class="primary" disabled={token.trim() === ''}>
          Open the dashboard
        </button>
        <p class="teach">
          It is the value of admin.token in the config. It stays in this tab and is forgotten when the tab closes.
        </p>
      </form>
    </main>
  );
}
