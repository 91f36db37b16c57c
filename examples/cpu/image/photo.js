/**
 * A sample picture: stripes and rings of 800 × 600 pixels, as a JPEG.
 */
import { Jimp } from 'jimp';

const [WIDTH, HEIGHT] = [800, 600];

export async function drawPhoto() {
  const image = new Jimp({ width: WIDTH, height: HEIGHT });
  const { data } = image.bitmap;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = 4 * (y * WIDTH + x);
      const distance = Math.hypot(x - WIDTH / 2, y - HEIGHT / 2);
      data[at] = 128 + 127 * Math.sin(distance / 12);
      data[at + 1] = (255 * x) / WIDTH;
      data[at + 2] = (255 * y) / HEIGHT;
      data[at + 3] = 255;
    }
  }
  return image.getBuffer('image/jpeg', { quality: 90 });
}
