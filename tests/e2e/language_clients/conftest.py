"""SmolLM2 and MiniLM behind one `headrace serve`, for all SDKs of this folder, and an address for each of them."""

from collections.abc import AsyncIterator, Iterator

import anthropic
import ollama
import openai
import pytest

from tests.e2e.language_clients.asked import CHAT, TEXTS
from tests.program import ANY_PORTS, ROOT, Program, serving

MODELS = ROOT / "models"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    if not all((MODELS / name).exists() for name in (CHAT, TEXTS)):
        pytest.skip("the demo models are not placed: see tools/place_models.py")
    folder = tmp_path_factory.mktemp("repository")
    for name in (CHAT, TEXTS):
        (folder / name).symlink_to(MODELS / name)
    with serving(folder, *ANY_PORTS) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="session")
def client(program: Program) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(program: Program) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="session")
def claude(program: Program) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=f"http://{program.http}", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="session")
def llama(program: Program) -> Iterator[ollama.Client]:
    with ollama.Client(f"http://{program.http}") as made:
        yield made
