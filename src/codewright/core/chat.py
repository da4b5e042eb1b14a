"""The chat format of models trained here: ChatML turns, with a Jinja template that transformers stores and applies."""

END_OF_TEXT = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
PAD = "<|pad|>"
RESERVED_TOKENS = tuple(f"<|extra_{number}|>" for number in range(12))
"""Kept free so that later stages (the interpreter's four tokens) need no resized embedding."""

SPECIAL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END, PAD, *RESERVED_TOKENS)

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML (github.com/openai/openai-python chatml.md); `generation` marks what carries loss, end of turn included."""
