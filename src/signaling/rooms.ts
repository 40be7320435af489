/** The rooms that are open, by name. The first member opens one, with the face that it chose; the last to leave closes it. */
import { Room, type RoomParts } from './room.ts';
import type { Newcomer, RoomMember } from './room-member.ts';

export type RoomRequest = Pick<RoomParts, 'name' | 'portraitId' | 'openCall'>;

export class Rooms {
  private readonly parts: Pick<RoomParts, 'maxViewers' | 'openMedia' | 'calls'>;
  private readonly rooms = new Map<string, Promise<Room>>();

  constructor(parts: Rooms['parts']) {
    this.parts = parts;
  }

  /** Whether a room of this name is open. */
  has(name: string): boolean {
    return this.rooms.has(name);
  }

  /** @throws AppError SERVER_BUSY when the room is full, or new and the machine has no call to give. */
  async enter(request: RoomRequest, newcomer: Newcomer): Promise<RoomMember> {
    for (;;) {
      const room = await (this.rooms.get(request.name) ?? this.open(request));
      // The last member may have left while we waited.
      if (!room.isOver) return await room.enter(newcomer);
    }
  }

  private open(request: RoomRequest): Promise<Room> {
    let opening: Promise<Room> | undefined;
    const forget = (): void => {
      // A room may be over before it is open.
      if (opening && this.rooms.get(request.name) === opening) this.rooms.delete(request.name);
    };
    opening = Room.open({ ...this.parts, ...request, over: forget });
    this.rooms.set(request.name, opening);
    opening.catch(forget);
    return opening;
  }
}
