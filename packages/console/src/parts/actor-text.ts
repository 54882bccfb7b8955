/** Who did something, as the API says it (`user:olga`), the way people say it: of a user only the name. */
export const actorText = (actor: string) => (actor.startsWith("user:") ? actor.slice("user:".length) : actor);
