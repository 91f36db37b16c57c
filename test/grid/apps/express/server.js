import app from './app.js';

app.listen(3000, (error) => {
  if (error) throw error;
  console.log('ready');
});
