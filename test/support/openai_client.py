# OpenAI's own package for Python as a client: asks the server of the first argument, and prints what came as one line of JSON.
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
model = client.models.list().data[0].id
messages = [{"role": "user", "content": "def add(a, b):"}]
whole = client.chat.completions.create(model=model, messages=messages, max_tokens=12)
pieces = client.chat.completions.create(
    model=model, messages=messages, max_tokens=12, stream=True, stream_options={"include_usage": True}
)
streamed, usage = "", None
for piece in pieces:
    usage = piece.usage or usage
    for choice in piece.choices:
        streamed += choice.delta.content or ""
parameters = {
    "type": "object",
    "properties": {"room": {"enum": ["kitchen", "hall"]}, "on": {"type": "boolean"}},
    "required": ["room", "on"],
    "additionalProperties": False,
}
called = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "Turn on the light in the kitchen."}],
    tools=[{"type": "function", "function": {"name": "set_light", "parameters": parameters}}],
    tool_choice="required",
    max_tokens=200,
)
call = called.choices[0].message.tool_calls[0].function
formed = client.chat.completions.create(
    model=model,
    messages=messages,
    response_format={"type": "json_schema", "json_schema": {"name": "light", "schema": parameters}},
    max_tokens=200,
)
with client.responses.stream(model=model, input=messages, max_output_tokens=12) as events:
    kinds = [event.type for event in events]
answered = client.responses.create(model=model, input=messages, max_output_tokens=12)
try:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "word " * 2000}])
    refused = None
except openai.BadRequestError as error:
    refused = error.code
print(
    json.dumps(
        {
            "whole": whole.choices[0].message.content,
            "streamed": streamed,
            "tokens": usage.completion_tokens,
            "call": [call.name, json.loads(call.arguments)],
            "formed": json.loads(formed.choices[0].message.content),
            "responses": [kinds[0], kinds[-1], answered.output_text, answered.usage.output_tokens],
            "refused": refused,
        }
    )
)
