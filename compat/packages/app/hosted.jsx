// An application in React that leaves signing in to the hosted pages.
import { AuthProvider, useAuth } from '@pangeacyber/react-auth';
import { createRoot } from 'react-dom/client';

// What a customer would have built in, the tests say as the page begins.
const { domain, clientToken, apiPathPrefix, useJwt, ...provider } = window.settings;
const config = { domain, clientToken, apiPathPrefix, useJwt };

function Person() {
  const { loading, authenticated, error, user, login, logout, refresh, getToken } = useAuth();
  if (loading) return <p>Loading</p>;
  return (
    <>
      {error && <p role="alert">{error}</p>}
      {authenticated ? (
        <>
          <h1>Hello, {user.profile.first_name}</h1>
          <p>Name: <output aria-label="Name">{user.username}</output></p>
          <p>Address: <output aria-label="Address">{user.email}</output></p>
          <p>Token: <output aria-label="Token">{getToken()}</output></p>
          <button onClick={() => refresh()}>Refresh</button>
          <button onClick={() => logout()}>Sign out</button>
        </>
      ) : (
        <>
          <h1>Hello, stranger</h1>
          <button onClick={() => login()}>Sign in</button>
        </>
      )}
    </>
  );
}

createRoot(document.getElementById('root')).render(<AuthProvider {...provider} config={config}><Person /></AuthProvider>);
