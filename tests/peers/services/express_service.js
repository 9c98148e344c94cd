// Express with its defaults, and with method-override as its documentation shows it: query and form.

const express = require('express');
const methodOverride = require('method-override');
const { announce, listening } = require('./announce');

const app = express();
app.use(express.urlencoded());
app.use(methodOverride('_method'));
app.use(methodOverride((request) => {
  if (request.body && typeof request.body === 'object' && '_method' in request.body) {
    return request.body._method;
  }
}));

const answer = (handler) => (request, response) => {
  announce(handler, request.method, request.path);
  response.set('Handler', handler).send(handler);
};

app.delete('/orders/:number', answer('strict'));
app.get('/orders/:number', answer('weak'));
app.post('/orders/:number', answer('weak'));
app.all('/admin/*rest', answer('strict'));
app.post('/refunds', answer('strict'));
app.put('/Accounts/:number/limits', answer('strict'));
app.get('/files/:name', answer('weak'));

const server = app.listen(0, '127.0.0.1', () => listening(server));
