"""Pictures in questions: sent inside the message, part of the answer's address, bounded."""

import base64

import pytest
from llm.conftest import Mood

from recweave.core.errors import BadSetting
from recweave.llm import LLMClient, Local, Message, Picture, Request
from recweave.llm.base import MOST_PICTURE_BYTES, digest

SHOWN = Picture(b"\xff\xd8 red")
ASKED = [Message("system", "Be short."), Message("user", "How is it? Number 3.", (SHOWN,))]


def test_a_picture_travels_inside_its_message_before_the_words(vendor):
    system, user = vendor.server().body(ASKED, Mood)["messages"]
    assert system == {"role": "system", "content": "Be short."}
    picture, words = user["content"]
    assert words == {"type": "text", "text": "How is it? Number 3."}
    head, _, content = picture["image_url"]["url"].partition(",")
    assert (picture["type"], head) == ("image_url", "data:image/jpeg;base64")
    assert base64.b64decode(content) == SHOWN.content


def test_pictures_are_part_of_an_answer_s_address():
    def address(*pictures):
        return digest("tiny", [Message("user", "How is it?", pictures)], Mood)

    other = Picture(b"\xff\xd8 blue")
    different = [(), (SHOWN,), (other,), (SHOWN, other), (other, SHOWN)]
    assert len({address(*pictures) for pictures in different}) == len(different)


def test_a_picture_that_servers_would_refuse_is_refused_here():
    Picture(bytes(MOST_PICTURE_BYTES))
    with pytest.raises(BadSetting, match="a picture of 4,194,305 bytes is too large to send"):
        Picture(bytes(MOST_PICTURE_BYTES + 1))


def test_a_picture_s_tokens_are_in_the_estimate(vendor, tmp_path):
    client = LLMClient(vendor.server(), tmp_path)
    bare = [Message(message.role, message.content) for message in ASKED]
    words = client.estimate([Request("a", bare, Mood)])
    shown = client.estimate([Request("a", ASKED, Mood)])
    assert shown.prompt_tokens - words.prompt_tokens == 1000


def test_a_local_model_of_words_refuses_a_picture(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadSetting, match="a model of words alone"):
        list(LLMClient(Local(tmp_path), tmp_path / "answers").run([Request("a", ASKED, Mood)]))
