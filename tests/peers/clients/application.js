// A native application: it prints the address that a browser has to open, and listens at its redirect URI.

const http = require('node:http');

exports.listen = async () => {
  let arrived;
  const server = http.createServer((request, response) => {
    response.end('You can close this page.', () => arrived(new URL(request.url, redirectUri())));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const redirectUri = () => `http://127.0.0.1:${server.address().port}/callback`;
  return {
    redirectUri: redirectUri(),
    // Opens `url` and waits for the redirect.
    signIn: (url) => new Promise((resolve) => {
      arrived = resolve;
      console.log(`open ${url}`);
    }),
  };
};

// Runs `main` and prints how it ended.
exports.run = async (main) => {
  try {
    await main();
    console.log('done');
    process.exit(0);
  } catch (error) {
    console.error(error);
    console.log(`failed ${error}`);
    process.exit(1);
  }
};
