/** A disk that gives nothing at all: whoever waits for an answer is told that it is not the model that thinks. */

const lookMs = 1000;
/** A disk that wakes up may take a while. */
const worthAWordMs = 2000;

/**
 * Does `work`, looking once a second.
 * @param silentMs for how long the disk has given nothing of what it was asked for, in milliseconds
 * @param tell gets that while it is long, and 0 once when something has come again
 */
export async function tellingSilence<T>(
  silentMs: () => number,
  tell: (silentMs: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  const look = () => {
    const ms = silentMs();
    const worth = ms >= worthAWordMs;
    if (worth || told) tell(worth ? ms : 0);
    told = worth;
  };
  const timer = setInterval(look, lookMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
