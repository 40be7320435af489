/** The header that lets one picture in. */
export async function uploadTicket(serverUrl: string): Promise<{ authorization: string }> {
  const response = await fetch(new URL('api/tickets?for=upload', serverUrl), { method: 'POST' });
  const { ticket } = (await response.json()) as { ticket: string };
  return { authorization: `Bearer ${ticket}` };
}
