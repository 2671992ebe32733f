"""Generates with AirLLM on the processor and prints one JSON object on the last line.

Usage: generate.py CHECKPOINT TOKENS PROMPT_ID...
"""

import json
import re
import sys
import time


def of_process(name, pattern):
    """A number that the kernel keeps of this process; None where it keeps none."""
    try:
        with open(f"/proc/self/{name}", encoding="ascii") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


def read_bytes():
    return of_process("io", r"^read_bytes: (\d+)$")


class Clock:
    """Notes when each token comes, as a streamer of transformers."""

    def __init__(self):
        self.tokens = []
        self.times = []
        self.read_before = None
        self.prompt_seen = False

    def put(self, ids):
        if not self.prompt_seen:
            self.prompt_seen = True
            return
        self.tokens += ids.flatten().tolist()
        self.times.append(time.perf_counter())
        if len(self.times) == 1:
            self.read_before = read_bytes()

    def end(self):
        pass


def main():
    checkpoint, count, *prompt = sys.argv[1:]
    import torch
    from airllm import AutoModel

    model = AutoModel.from_pretrained(checkpoint, device="cpu")
    ids = torch.tensor([[int(token) for token in prompt]])
    clock = Clock()
    begin = time.perf_counter()
    with torch.inference_mode():
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=int(count),
            do_sample=False,
            use_cache=True,
            streamer=clock,
        )
    after_first = max(1, len(clock.times) - 1)
    result = {
        "tokens": clock.tokens,
        "timeToFirstTokenMs": 1000 * (clock.times[0] - begin),
        "msPerToken": 1000 * (clock.times[-1] - clock.times[0]) / after_first,
    }
    read_after = read_bytes()
    if clock.read_before is not None and read_after is not None:
        result["readBytesPerToken"] = (read_after - clock.read_before) / after_first
    peak = of_process("status", r"^VmHWM:\s+(\d+) kB$")
    if peak is not None:
        result["residentPeakBytes"] = 1024 * peak
    print(json.dumps(result))


main()
