"""The dialogue engine by small dialogues: slots, confirmation, tools, digressions, giving up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conversation.passages import clauses
from gateway.providers.base import ChatMessage
from gateway.providers.llm.dialogue.load import parse_dialogue
from tests.providers.llm.conversations import MONDAY, TOOLS, Conversation

SHOP = parse_dialogue(
    """
greeting: Welcome to {{ shop }}.
variables: {shop: Ahab's}
fallback: [First sorry., Second sorry.]
intents:
  bye: {phrases: [goodbye], answer: Bye., end_call: true}
  cancel: {phrases: [never mind], answer: Fine., cancel: true}
  again: {phrases: [say that again], answer: Nothing yet., repeat: true}
  order:
    phrases: [where is my order]
    slots:
      order_number:
        digits: 4
        ask: ["Which number?", "The number please."]
        invalid: "Not four: {{ heard | spell }}."
        confirm: "Is it {{ order_number | spell }}?"
        give_up: I give up.
        attempts: 2
    tool: lookup_order
    result: "{% if state %}It is {{ state }}.{% else %}{{ result }}{% endif %}"
    failed: It does not work.
  day: {phrases: [which day is it], answer: "It is {{ weekday }}."}
""",
    "shop.yaml",
)


def call() -> Conversation:
    return Conversation(SHOP)


async def asked_for_a_number() -> Conversation:
    conversation = call()
    assert (await conversation.says("where is my order")).text == "Which number?"
    return conversation


async def looked_up() -> Conversation:
    conversation = await asked_for_a_number()
    await conversation.says("1 2 3 4")
    await conversation.says("yes")
    return conversation


async def test_nobody_has_spoken_yet() -> None:
    conversation = call()
    conversation.messages.append(ChatMessage("system", "You are a shop."))
    assert (await conversation.reply()).text == "Welcome to Ahab's."


async def test_a_number_is_asked_for_read_back_and_looked_up() -> None:
    conversation = call()
    assert (await conversation.says("where is my order")).expects == "digits"
    confirm = await conversation.says("one two three four")
    assert (confirm.text, confirm.expects, confirm.calls) == ("Is it 1, 2, 3, 4?", "yes-no", [])
    (tool,) = (await conversation.says("yes")).calls
    assert (tool.name, tool.arguments) == ("lookup_order", {"order_number": "1234"})
    result = await conversation.returns('{"state": "on its way"}')
    assert (result.text, result.expects) == ("It is on its way.", "anything")


async def test_a_number_that_comes_with_the_question_is_not_asked_for() -> None:
    assert (await call().says("where is my order 5 5 5 0")).text == "Is it 5, 5, 5, 0?"


async def test_a_no_asks_again_and_a_corrected_number_counts() -> None:
    conversation = await asked_for_a_number()
    await conversation.says("1 2 3 4")
    assert (await conversation.says("no")).text == "Which number?"
    await conversation.says("1 2 3 5")
    assert (await conversation.says("no it's 1 2 3 6")).text == "Is it 1, 2, 3, 6?"


async def test_a_wrong_number_is_read_back_until_the_engine_gives_up() -> None:
    conversation = await asked_for_a_number()
    wrong = await conversation.says("one two")
    assert (wrong.text, wrong.expects) == ("Not four: 1, 2.", "digits")
    assert (await conversation.says("one")).text == "I give up."
    assert (await conversation.says("which day is it")).text == "It is Monday."


async def test_another_question_is_answered_and_the_number_asked_for_again() -> None:
    conversation = await asked_for_a_number()
    aside = await conversation.says("which day is it")
    assert aside.text == "It is Monday. Which number?"
    assert aside.expects == "digits"
    assert (await conversation.says("1 2 3 4")).text == "Is it 1, 2, 3, 4?"


async def test_cancelling_forgets_the_question() -> None:
    conversation = await asked_for_a_number()
    assert (await conversation.says("never mind")).text == "Fine."
    assert (await conversation.says("banana")).text == "First sorry."


async def test_hanging_up_works_in_the_middle_of_a_question() -> None:
    conversation = await asked_for_a_number()
    goodbye = await conversation.says("goodbye")
    assert (goodbye.text, [one.name for one in goodbye.calls]) == ("Bye.", ["endCall"])


async def test_a_plain_result_is_said_and_an_error_is_not() -> None:
    conversation = await looked_up()
    assert (await conversation.returns("It is in the harbour.")).text == "It is in the harbour."
    for failure in ('{"error": "secret"}', "Error: secret"):
        conversation = await looked_up()
        assert (await conversation.returns(failure)).text == "It does not work."


async def test_the_last_answer_is_repeated_with_what_it_waits_for() -> None:
    conversation = await looked_up()
    await conversation.returns("It is in the harbour.")
    assert (await conversation.says("say that again")).text == "It is in the harbour."
    conversation = await asked_for_a_number()
    again = await conversation.says("say that again")
    assert (again.text, again.expects) == ("Which number?", "digits")


async def test_another_number_after_a_result_is_looked_up_too() -> None:
    conversation = await looked_up()
    await conversation.returns("It is in the harbour.")
    assert (await conversation.says("and 4 3 2 1")).text == "Is it 4, 3, 2, 1?"


async def test_what_is_not_understood_is_said_in_turn_and_starts_anew_after_an_answer() -> None:
    conversation = call()
    assert [(await conversation.says("banana")).text for _ in range(3)] == [
        "First sorry.",
        "Second sorry.",
        "First sorry.",
    ]
    await conversation.says("which day is it")
    assert (await conversation.says("banana")).text == "First sorry."


async def test_a_tool_that_is_not_offered_is_not_called() -> None:
    conversation = call()
    conversation.tools = TOOLS[:1]
    goodbye = await conversation.says("goodbye")
    assert (goodbye.text, goodbye.calls) == ("Bye.", [])


async def test_tool_calls_have_ids_of_their_own() -> None:
    first, second = await looked_up(), await looked_up()
    assert first.messages[-1].tool_calls[0].id != second.messages[-1].tool_calls[0].id


async def test_a_cut_reply_changes_nothing() -> None:
    conversation = await asked_for_a_number()
    conversation.messages[-1] = ChatMessage("assistant", "Whi")
    assert (await conversation.says("1 2 3 4")).text == "Is it 1, 2, 3, 4?"


SAID = st.sampled_from(["where is my order", "1 2 3 4", "one two", "yes", "no", "never mind", "say that again", "hm"])


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, min_size=1, max_size=8))
async def test_every_conversation_is_answered_and_can_be_replayed(turns: list[str]) -> None:
    conversation = call()
    for text in turns:
        reply = await conversation.says(text)
        assert reply.text or reply.calls
        assert reply.expects in ("anything", "digits", "yes-no")
        if reply.calls:
            assert (await conversation.returns("Done.")).text == "Done."
    replayed = Conversation(SHOP, MONDAY, TOOLS, conversation.messages[:-1])
    assert (await replayed.reply()).text == conversation.messages[-1].content


async def test_the_mark_of_a_passage_reaches_the_voice_and_is_repeated_with_it() -> None:
    notice = "Well. <uninterruptible>{{ shop }} records this call.</uninterruptible> Go on."
    dialogue = parse_dialogue(
        f"""
greeting: "{notice}"
variables: {{shop: Ahab's}}
fallback: Sorry.
intents:
  legal: {{phrases: [is this recorded], answer: "{notice}"}}
  again: {{phrases: [say that again], answer: Nothing yet., repeat: true}}
""",
        "legal.yaml",
    )
    conversation = Conversation(dialogue)
    for text in ("is this recorded", "say that again"):
        spoken = clauses((await conversation.says(text)).text)
        assert [(clause.text, clause.interruptible) for clause in spoken] == [
            ("Well.", True),
            ("Ahab's records this call.", False),
            ("Go on.", True),
        ]
