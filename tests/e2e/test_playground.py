"""The page at `/` in a browser, against a real server."""

import json
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Page, chromium, needs_chromium
from tests.program import serving

pytestmark = [needs_chromium, pytest.mark.slow]

PAIR = """
inputs = [{ name = "x", shape = [-1, 2] }, { name = "n", shape = [-1, 2], datatype = "INT64" }]
outputs = [
  { name = "y", shape = [-1, 2], value = "slice" },
  { name = "m", shape = [-1, 2], datatype = "INT64", value = "slice", source = "n" },
]
"""
HOSTILE = """
<img src=x onerror="window.hit = 1"><script>window.hit = 1</script>
[a](javascript:window.hit=1) ![b](https://elsewhere.invalid/x.png) <https://elsewhere.invalid> [c](data:text/html,x)
`</code><script>window.hit = 1</script>`
```"><script>
</code></pre><script>window.hit = 1</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("models")
    files = {
        "talker/model.fakellm": 'refuse_on = "nonsense"\ndelay_ms = 2\n',
        "thinker/model.fakellm": 'thinks = "Let me see. "\ndelay_ms = 2\n',
        "slow/model.fakellm": "delay_ms = 30\n",
        "base/model.fakellm": "chat_template = false\n",
        "pair/model.fake": PAIR,
        "broken/model.onnx": "this is no model\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    with serving(folder) as program, chromium(f"http://{program.http}", tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(autouse=True)
def without_complaints(page: Page) -> Iterator[None]:
    page.complaints()
    yield
    assert not page.complaints()


# ---- the list


def test_models_are_listed_by_what_they_do_and_why_one_does_not(page: Page) -> None:
    page.open()
    page.sees("#list", "Tensor models\npair")
    assert "Language models\nbase\nslow\ntalker" in page.text("#list")
    assert "Not ready\nbroken\nmodel.onnx: the file is not a whole ONNX model" in page.text("#list")


def test_at_first_it_shows_a_model_that_can_be_talked_with_and_where_the_dashboard_is(page: Page) -> None:
    page.open()
    page.sees("#title h1", "slow")
    page.one("#dashboard").click()
    page.sees("h2", "Versions")


def test_a_model_is_chosen_by_its_link_and_the_address_says_it(page: Page) -> None:
    page.open()
    page.one('a[href="#model=pair"]').click()
    page.sees("#title h1", "pair")
    assert page.text("a[aria-current=page]") == "pair"
    assert page.driver.current_url.endswith("#model=pair")


def test_an_address_of_no_model_says_so(page: Page) -> None:
    page.open("nobody")
    page.sees("#view", "There is no such model.")


# ---- chat


def test_an_answer_streams_with_its_times(page: Page) -> None:
    page.open("talker")
    page.say("Which city?")
    page.sees(".assistant .facts", "prompt")
    facts = page.text(".assistant .facts").split(" · ")
    assert [fact.split(" ", 1)[-1] for fact in facts[:3]] == ["s to first token", "tokens/s", "tokens"]
    assert page.text(".user .words") == "Which city?"
    whole = page.run("""
        const body = {model: "talker", messages: [{role: "user", content: "Which city?"}]};
        const response = await fetch("/v1/chat/completions", {method: "POST", body: JSON.stringify(body)});
        return (await response.json()).choices[0].message.content;
    """)
    assert page.text(".assistant > .words").split() == whole.split()


def test_thoughts_are_folded_above_the_answer(page: Page) -> None:
    page.open("thinker")
    page.say("Which city?")
    page.sees(".assistant .facts", "prompt")
    assert page.text(".thoughts summary") == "Thoughts"
    assert page.run("return document.querySelector('.thoughts').open") is False
    page.one(".thoughts summary").click()
    assert page.text(".thoughts .words").strip() == "Let me see."
    assert page.text(".assistant > .words")


def test_settings_go_with_the_question(page: Page) -> None:
    page.open("talker")
    page.one("#settings")
    page.run("""
        const fetched = window.fetch;
        window.bodies = [];
        window.fetch = (path, options) => {
          if (options?.body) window.bodies.push(options.body);
          return fetched(path, options);
        };
    """)
    for name, value in {"system": "Be brief.", "temperature": "0", "max_tokens": "5"}.items():
        page.one(f"#{name}").send_keys(value)
    page.say("Hello")
    page.sees(".assistant .facts", "cut at the limit")
    body = json.loads(page.run("return window.bodies[0]"))
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Hello"]
    assert (body["temperature"], body["max_tokens"], "top_p" in body) == (0, 5, False)
    page.run("localStorage.clear()")


@pytest.mark.parametrize("how", ["button", "escape"])
def test_an_answer_can_be_stopped(page: Page, how: str) -> None:
    page.open("slow")
    page.say("Which city?")
    page.sees(".assistant .facts", "to first token")
    if how == "button":
        page.one("button[aria-label=Stop]").click()
    else:
        page.one(".composer textarea").send_keys(Keys.ESCAPE)
    page.sees(".assistant .facts", "stopped")
    page.one("button[aria-label=Send]")


def test_what_is_refused_is_told_in_words_and_not_sent_again(page: Page) -> None:
    page.open("talker")
    page.say("nonsense")
    page.sees(".failure", "messages: holds 'nonsense', which this model refuses")
    page.say("sense")
    page.sees(".assistant .facts", "prompt")
    assert not page.all(".failure")


def test_a_question_can_be_put_otherwise(page: Page) -> None:
    page.open("talker")
    page.say("Which city?")
    page.sees(".assistant .facts", "prompt")
    page.one(".user").click()
    page.one("button[aria-label='Edit and ask again']").click()
    assert not page.all(".message")
    assert page.one(".composer textarea").get_property("value") == "Which city?"


def test_a_model_without_a_template_continues_a_text(page: Page) -> None:
    page.open("base")
    page.sees(".welcome", "It has no chat template")
    page.say("Once upon a time,")
    page.sees(".assistant .facts", "tokens")


def test_what_was_said_is_there_again_after_a_look_at_another_model(page: Page) -> None:
    page.open("talker")
    page.say("Which city?")
    page.sees(".assistant .facts", "prompt")
    page.one('a[href="#model=pair"]').click()
    page.sees("#title h1", "pair")
    page.one('a[href="#model=talker"]').click()
    page.sees(".user .words", "Which city?")


def test_what_a_hostile_model_says_is_only_text(page: Page) -> None:
    page.open("talker")
    page.one(".composer")
    chunk = {"choices": [{"delta": {"content": HOSTILE}}]}
    page.run(f"""
        const said = `data: ${{JSON.stringify({json.dumps(chunk)})}}\\n\\ndata: [DONE]\\n\\n`;
        window.fetch = async () => new Response(said);
    """)
    page.say("Hello")
    page.sees(".assistant .words", "window.hit = 1")
    assert page.run("return window.hit ?? null") is None
    assert not page.all(".words :is(img, script, iframe)")
    assert {link.get_attribute("href") for link in page.all(".words a")} == {
        "https://elsewhere.invalid/x.png",
        "https://elsewhere.invalid/",
    }


# ---- markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\n\nc", [["P", "a\nb"], ["P", "c"]]),
        ("## T *i* #", [["H3", "T i"]]),
        ("```py\nx < 1\n\n", [["DIV", "py\nx < 1"]]),
        ("- a\n  - b\n1. c", [["DIV", "a\nb\nc"]]),
        ("> q", [["BLOCKQUOTE", "q"]]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", [["DIV", "a b\n1 2"]]),
        ("snake_case_name 2*3*4 **b**", [["P", "snake_case_name 2*3*4 b"]]),
        ("---", [["HR", ""]]),
    ],
)
def test_markdown_is_shown_as_elements(page: Page, text: str, shown: list[list[str]]) -> None:
    page.open("talker")
    page.one(".composer")
    found = page.run(f"""
        const {{show}} = await import("/playground/markdown.js");
        const words = document.createElement("div");
        words.className = "words";
        document.body.replaceChildren(words);
        show(words, {json.dumps(text)});
        return [...words.children].map((each) => [each.tagName, each.innerText.replaceAll("\\t", " ").trim()]);
    """)
    assert [[tag, "\n".join(line for line in said.split("\n") if line)] for tag, said in found] == shown


def test_however_a_text_comes_it_looks_the_same_at_the_end_and_no_text_takes_long(page: Page) -> None:
    page.open("talker")
    page.one(".composer")
    passed_ms, same = page.run("""
        const {show} = await import("/playground/markdown.js");
        const marks = ["*", "**a", "_", "`", "```\\n", "[", "](", "|", "\\n|-|\\n", "> ", "- ", "  1. ", "\\n", "a"];
        let seed = 1;
        const next = () => (seed = (seed * 48271) % 2147483647);
        let same = true;
        for (let round = 0; round < 100; round++) {
          const text = Array.from({length: 60}, () => marks[next() % marks.length]).join("");
          const [whole, pieces] = [document.createElement("div"), document.createElement("div")];
          show(whole, text);
          for (let at = 1; at <= text.length; at += 3) show(pieces, text.slice(0, at));
          show(pieces, text);
          same &&= whole.isEqualNode(pieces);
        }
        const started = performance.now();
        for (const mark of marks) show(document.createElement("div"), mark.repeat(20000));
        return [performance.now() - started, same];
    """)
    assert same
    assert passed_ms < 10_000


# ---- tensors


def test_a_form_is_made_of_the_signature_and_its_answer_shown_in_tables(page: Page) -> None:
    page.open("pair")
    page.sees("form", "INT64")
    data = page.all("form textarea")
    for each, said in zip(data, ("1.5, 2, 3, 4", "[[9007199254740993, 1], [2, 3]]"), strict=True):
        each.clear()
        each.send_keys(said)
    page.one("button[type=submit]").click()
    page.sees(".results", "version 1")
    assert page.text(".results tbody").split("\n") == ["0 1.5 2", "1 3 4", "0 9007199254740993 1", "1 2 3"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[1, ", "This is no JSON"),
        ("", "Values are missing."),
        ("1 2 3", "The shape 1 × 2 holds 2 values; there are 3."),
        ("[[1, 2], [3]]", "The rows are not all of one length."),
    ],
)
def test_what_is_wrong_in_the_form_is_told_where_it_is(page: Page, said: str, told: str) -> None:
    page.open("pair")
    first = page.one("#input-x")
    first.clear()
    first.send_keys(said)
    first.send_keys(Keys.CONTROL, Keys.ENTER)
    page.sees(".field:first-child .wrong", told)
    assert page.run("return document.activeElement.id") == "input-x"


def test_what_the_server_refuses_of_tensors_is_told_in_its_words(page: Page) -> None:
    page.open("pair")
    first = page.one("#input-x")
    first.clear()
    first.send_keys("[[1, 2, 3]]")
    page.one("button[type=submit]").click()
    page.sees(".results .failure", "x")


def test_a_language_model_has_a_form_too(page: Page) -> None:
    page.open("talker", "tensors")
    page.one("#input-text_input").send_keys("Which city?")
    page.one("button[type=submit]").click()
    page.sees(".results", "text_output")


# ---- for everybody


def test_nothing_is_asked_of_another_server(page: Page) -> None:
    page.open("talker")
    page.one(".composer")
    asked = page.run("return performance.getEntriesByType('resource').map((each) => new URL(each.name).origin)")
    assert set(asked) == {page.url}


def test_it_works_with_the_keys_alone(page: Page) -> None:
    page.open("talker")
    page.one(".composer")
    reached = []
    page.run("document.activeElement.blur()")
    for _ in range(14):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = page.driver.switch_to.active_element
        reached.append(focused.accessible_name)
        assert focused.accessible_name, focused.get_attribute("outerHTML")
    assert "talker" in reached
    assert "Settings" in reached


@pytest.mark.parametrize("model", ["talker", "pair"])
def test_on_a_phone_the_list_is_a_drawer_and_nothing_is_wider_than_the_screen(page: Page, model: str) -> None:
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.open(model)
        page.one("#tools, form")
        assert page.run("return document.documentElement.scrollWidth") == 360
        page.one("#open-models").click()
        page.one('a[href="#model=slow"]').click()
        page.sees("#title h1", "slow")
        assert page.run("return document.body.classList.contains('drawer')") is False
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_colours_are_chosen_and_kept(page: Page) -> None:
    page.open("talker")
    grounds = []
    for _ in range(2):
        page.one("#theme-button").click()
        grounds.append(page.run("return getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]
    page.open("talker")
    page.one(".composer")
    assert page.run("return getComputedStyle(document.body).backgroundColor") == grounds[1]
    page.run("localStorage.clear()")
