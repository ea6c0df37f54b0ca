// The token: taken from the address, or asked for; kept in this tab only.

const KEPT_AS = "carving-token";

export class Tokens {
  /** `fragment` is what stands behind # in the address. */
  constructor(dialog, fragment) {
    this.dialog = dialog;
    this.asking = null;
    const given = fragment.get("token");
    if (given) sessionStorage.setItem(KEPT_AS, given);
  }

  get token() {
    return sessionStorage.getItem(KEPT_AS);
  }

  /** After `refused` was not accepted: ask, once for all requests that wait. */
  async renew(refused) {
    if (this.token !== refused) return;
    this.asking ??= this.askFor(refused).finally(() => (this.asking = null));
    await this.asking;
  }

  askFor(refused) {
    const { dialog } = this;
    const [form, field] = [dialog.querySelector("form"), dialog.querySelector("input")];
    dialog.querySelector("#token-words").textContent = refused
      ? "The service did not accept that one. Whoever runs it can tell you."
      : "Whoever runs this service can tell you.";
    field.value = "";
    // nothing can be shown without it
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
    return new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          sessionStorage.setItem(KEPT_AS, field.value.trim());
          field.value = "";
          dialog.close();
          resolve();
        },
        { once: true },
      );
    });
  }
}
