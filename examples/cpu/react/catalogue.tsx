/**
 * The page: a table as in the back office of a shop.
 */
interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  readonly cents: number;
  readonly stock: number;
}

const CATEGORIES = ['Tools', 'Garden', 'Kitchen', 'Lighting', 'Paint'];
const PRODUCTS: Product[] = Array.from({ length: 1000 }, (_, index) => ({
  id: index + 1,
  name: `Product <${index + 1}>`,
  category: CATEGORIES[index % CATEGORIES.length]!,
  cents: (index * 7919) % 100_000,
  stock: (index * 31) % 97,
}));
const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

export function Catalogue() {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>Catalogue</title>
      </head>
      <body>
        <h1>{PRODUCTS.length} products</h1>
        <table>
          <thead>
            <tr>
              {['#', 'Name', 'Category', 'Price', 'Stock'].map((title) => (
                <th key={title}>{title}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {PRODUCTS.map((product) => (
              <Row key={product.id} product={product} />
            ))}
          </tbody>
        </table>
      </body>
    </html>
  );
}

function Row({ product }: { product: Product }) {
  return (
    <tr className={product.stock === 0 ? 'sold-out' : undefined}>
      <td>{product.id}</td>
      <td>
        <a href={`/products/${product.id}`}>{product.name}</a>
      </td>
      <td>{product.category}</td>
      <td className="price">{euros.format(product.cents / 100)}</td>
      <td>
        <Stock left={product.stock} />
      </td>
    </tr>
  );
}

function Stock({ left }: { left: number }) {
  if (left === 0) return <em>sold out</em>;
  return <span title={`${left} left`}>{left < 10 ? 'few' : 'in stock'}</span>;
}
