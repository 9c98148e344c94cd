// Koa and its router, with their defaults.

const Koa = require('koa');
const { Router } = require('@koa/router');
const { announce, listening } = require('./announce');

const app = new Koa();
const router = new Router();

const answer = (handler) => (context) => {
  announce(handler, context.method, context.path);
  context.set('Handler', handler);
  context.body = handler;
};

router.delete('/orders/:number', answer('strict'));
router.get('/orders/:number', answer('weak'));
router.post('/orders/:number', answer('weak'));
router.all('/admin/*rest', answer('strict'));
router.post('/refunds', answer('strict'));
router.put('/Accounts/:number/limits', answer('strict'));
router.get('/files/:name', answer('weak'));
app.use(router.routes());

const server = app.listen(0, '127.0.0.1', () => listening(server));
