export async function GET(request) {
  const response = Response.json({ q: request.nextUrl.searchParams.get('q') });
  response.headers.append('Set-Cookie', 'a=1');
  response.headers.append('Set-Cookie', 'b=2');
  return response;
}

export async function POST(request) {
  return Response.json({ got: await request.json() }, { status: 201 });
}

export async function PUT(request) {
  return new Response(request.body, { headers: { 'Content-Type': 'application/octet-stream' } });
}
