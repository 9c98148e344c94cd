// Fastify with a case-insensitive router that ignores trailing and duplicate slashes.

const { announce, listening } = require('./announce');

const app = require('fastify')({
  routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
});
app.addContentTypeParser('*', (request, payload, done) => {
  payload.resume();
  payload.on('end', () => done(null));
});

const answer = (handler) => (request, reply) => {
  announce(handler, request.method, request.url);
  reply.header('Handler', handler).send(handler);
};

app.delete('/orders/:number', answer('strict'));
app.get('/orders/:number', answer('weak'));
app.post('/orders/:number', answer('weak'));
// `*` also matches an empty rest, which the route of the policy does not.
app.all('/admin/*', (request, reply) => answer(request.params['*'] ? 'strict' : 'weak')(request, reply));
app.post('/refunds', answer('strict'));
app.put('/Accounts/:number/limits', answer('strict'));
app.get('/files/:name', answer('weak'));

app.listen({ port: 0, host: '127.0.0.1' }).then(() => listening(app.server));
