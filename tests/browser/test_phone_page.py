"""The phone page in Chromium against the switch: what a person does with it, and what then is true."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession
from playwright.async_api import expect

from tests.support.phone_page import PhonePage, PhonePages

if TYPE_CHECKING:
    from playwright.async_api import Route, WebSocketRoute

    from tests.support.browser_world import BrowserWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN, CARLA = "1001", "1002", "1003"


async def calls(anna: PhonePage, ben: PhonePage) -> None:
    """Anna calls Ben, who answers by key."""
    await anna.dial(BEN)
    await ben.says("Incoming call")
    await ben.press("F2")
    await asyncio.gather(anna.says("Connected"), ben.says("Connected"))


async def test_signing_in_by_form_and_by_token(signed_in: PhonePages, world: BrowserWorld) -> None:
    phone = await PhonePage.open(await signed_in.context(), f"{world.origin}/phone")
    await phone.sign_in(ANNA, "not the password")
    await phone.says("User or password is wrong.")
    async with ClientSession() as client:
        credentials = {"user": ANNA, "password": world.node.password}
        async with client.post(f"{world.origin}/api/session", json=credentials) as answer:
            token = (await answer.json())["token"]
    await phone.page.goto("about:blank")
    await phone.page.goto(f"{world.origin}/phone#token={token}")
    await phone.says("Ready")
    assert "token" not in phone.page.url
    await phone.page.reload()
    await phone.says("Ready")
    await phone.button("Sign out").click()
    await phone.says("Sign in to your phone")
    await phone.page.reload()
    await phone.says("Sign in to your phone")
    async with ClientSession(headers={"Authorization": f"Bearer {token}"}) as client, asyncio.timeout(60):
        while True:  # the page does not wait for the answer
            async with client.post(f"{world.origin}/api/session", json={}) as answer:
                if answer.status == 401:
                    break
            await asyncio.sleep(0.1)


_SLEPT = """(minutes) => {
  const now = Date.now;
  Date.now = () => now() + minutes * 60_000;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""The computer slept: no timer ran, and the clock on the wall did."""


async def test_a_page_that_wakes_renews_its_token_or_asks_for_the_password(signed_in: PhonePages) -> None:
    phone = await signed_in(ANNA)
    async with phone.page.expect_response("**/api/session") as awaited:
        await phone.page.evaluate(_SLEPT, 14)
    answer = await awaited.value
    assert answer.status == 200
    kept = (await answer.json())["token"]
    await phone.page.wait_for_function("(kept) => sessionStorage.getItem('softswitch.token') === kept", arg=kept)
    await phone.says("Ready")

    async def ended(route: Route) -> None:
        await route.fulfill(status=401, json={"error": "the token has expired"})

    await phone.page.route("**/api/session", ended)
    await phone.page.evaluate(_SLEPT, 16)
    await phone.says("Your session has ended. Sign in again.")


async def test_a_call_is_made_held_and_ended_by_keys_alone(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna, ben = await signed_in(ANNA), await signed_in(BEN)
    await anna.dial(BEN)
    await ben.says("Incoming call")
    assert "Anna" in await ben.page.title()
    await anna.says("Ringing …")
    await ben.press("F2")
    await asyncio.gather(anna.says("Connected"), ben.says("Connected"))
    assert await ben.page.title() == "Phone"

    await anna.press("F8")
    await expect(anna.button("Unmute")).to_have_attribute("aria-pressed", "true")
    await anna.press("F8")
    await expect(anna.button("Mute")).to_have_attribute("aria-pressed", "false")

    await anna.press("F9")
    await anna.says("On hold")
    await anna.press("F9")
    await anna.says("Connected")

    await ben.press("F4")
    await anna.mentions("The other side ended the call")
    await ben.mentions("You ended the call")
    await expect(anna.page.get_by_role("button", name=re.compile(f"^Call {BEN}"))).to_be_visible()
    events = [line["event"] for line in (await world.node.ended_call())["story"]]
    assert {"call on hold", "call resumed"} <= set(events)


async def test_a_call_is_declined_and_a_wrong_number_told(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna, ben = await signed_in(ANNA), await signed_in(BEN)
    await anna.dial(BEN)
    await ben.button("Decline").click()
    await anna.mentions("Declined")
    assert (await world.node.ended_call(recorded=False))["sip_status"] == 603
    await anna.dial(BEN)
    await ben.says("Incoming call")
    await anna.button("Cancel").click()
    await ben.mentions("Missed call")
    await expect(ben.button("Answer")).to_have_count(0)


async def test_digits_go_out_while_the_keypad_has_the_focus(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna, ben = await signed_in(ANNA), await signed_in(BEN)
    await calls(anna, ben)
    await anna.button("Keypad").click()
    await anna.button("5").last.click()
    await anna.page.keyboard.type("42#")
    await expect(anna.page.get_by_label("Digits sent")).to_have_text("542#")
    call = (await world.running())[0]
    async with asyncio.timeout(60):
        while True:
            story = (await world.node.get(f"/api/calls/{call['id']}"))["story"]
            if "".join(line["facts"].get("digit", "") for line in story) == "542#":
                break
            await asyncio.sleep(0.1)


async def test_a_call_is_handed_over_at_once(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna, ben, carla = await signed_in(ANNA), await signed_in(BEN), await signed_in(CARLA)
    await calls(anna, ben)
    await anna.button("Transfer").click()
    await anna.page.get_by_label("To", exact=True).fill(CARLA)
    await anna.press("Enter")
    await carla.says("Incoming call")
    await carla.press("F2")
    await asyncio.gather(carla.says("Connected"), anna.mentions(f"Transferred to {CARLA}"))
    await ben.says("Connected")
    await ben.press("F4")
    await carla.mentions("The other side ended the call")


async def test_a_call_is_handed_over_after_asking(signed_in: PhonePages) -> None:
    anna, ben, carla = await signed_in(ANNA), await signed_in(BEN), await signed_in(CARLA)
    await calls(anna, ben)
    await anna.button("Transfer").click()
    await anna.page.get_by_label("To", exact=True).fill(CARLA)
    await anna.button("Ask first").click()
    await anna.says("On hold")
    await carla.says("Incoming call")
    await carla.press("F2")
    await asyncio.gather(carla.says("Connected"), anna.says("Connected"))
    await anna.button("Connect them").click()
    await anna.mentions(f"Transferred to {CARLA}")
    await ben.says("Connected")
    await ben.press("F4")
    await carla.mentions("The other side ended the call")


async def test_another_microphone_and_speaker_count_at_once_and_stick(
    signed_in: PhonePages,
) -> None:
    anna = await signed_in(ANNA)
    await anna.dial("*43")
    await anna.says("Connected")
    before = await anna.sends("audio")
    await anna.button("Devices").last.click()
    microphone = anna.page.get_by_label("Microphone", exact=True)
    await microphone.select_option(label="Fake Audio Input 2")
    chosen = await microphone.input_value()
    assert before is not None
    assert before["deviceId"] != chosen
    await anna.page.wait_for_function(
        "(id) => window.connections.at(-1).getSenders().some((each) => each.track?.getSettings().deviceId === id)",
        arg=chosen,
    )
    await anna.page.get_by_label("Speakers", exact=True).select_option(label="Fake Audio Output 1")
    await anna.press("Escape")
    await anna.press("F4")
    await anna.mentions("You ended the call")
    await anna.page.reload()
    await anna.says("Ready")
    await anna.button("Devices").click()
    await expect(microphone).to_have_value(chosen)


async def test_the_connection_is_found_again_and_the_call_with_it(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna = await signed_in(ANNA)
    context = await signed_in.context()
    sockets: list[WebSocketRoute] = []

    def through(route: WebSocketRoute) -> None:
        sockets.append(route)
        route.connect_to_server()

    await context.route_web_socket(re.compile(r"/sip$"), through)
    ben = await signed_in(BEN, context)
    await calls(anna, ben)
    await sockets[0].close(code=1001)
    await ben.says("Reconnecting …")
    await ben.says("Ready")
    assert len(sockets) == 2
    await ben.press("F9")
    await ben.says("On hold")
    await ben.press("F9")
    await ben.says("Connected")
    await anna.press("F4")
    await ben.mentions("The other side ended the call")


async def test_a_second_tab_offers_to_take_over_but_not_a_call(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna = await signed_in(ANNA)
    await anna.dial("*43")
    await anna.says("Connected")
    second = await PhonePage.open(anna.page.context, f"{world.origin}/phone")
    await second.sign_in(ANNA, world.node.password)
    await second.says("Your phone is open in another tab")
    await second.button("Use it here").click()
    await second.says("There is a call going on in it. End the call first.")
    await anna.says("Connected")
    await anna.press("F4")
    await anna.mentions("You ended the call")
    await second.button("Use it here").click()
    await second.says("Ready")
    await anna.says("Your phone is open in another tab")
